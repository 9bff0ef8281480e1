"""From the lines of a script to its turns: who speaks, what belongs to whom, and what is wrong."""

from __future__ import annotations

import re
from collections.abc import Collection

from dialogue_tts.script.content import Aside, OpenTurn, Placed, tell_aside, trimmed, turns_of
from dialogue_tts.script.directions import NARRATOR, Reading, heading_in
from dialogue_tts.script.findings import Severity, shorten
from dialogue_tts.script.forms import (
    PLAYS,
    Counts,
    Form,
    Line,
    bracket_in,
    cue_in,
    dotted_in,
    is_bracket_name,
    label_in,
    pauses_at,
)
from dialogue_tts.script.inline import LeftOut, Mistake, Pause, Tag, pieces, reject_tag, source
from dialogue_tts.script.labels import (
    HEADERS,
    PROSE,
    SOUNDS,
    TIME,
    Label,
    is_capitals,
    is_mark,
    is_no_message,
    is_several,
    is_system_line,
    read_label,
    read_stage_bracket,
)
from dialogue_tts.script.options import Options, read_options
from dialogue_tts.script.turns import Heading, Turn

_UNSPACED_COMMENT = re.compile(r"#[^\W\d]")
_BEFORE_BRACKET = re.compile(r"(?:>\s*)*(?:[-*•]\s+|\d{1,3}[.)]\s+)?[*_]{0,3}(?=\[)")
_BEHIND_NAME = re.compile(r"(?:[*_]{1,3})?[:：](?:[*_]{1,3}(?=\s|$))?|[*_]{1,3}(?=\s|$)")
LONGEST_HEADING = 120  # letters of what a document's style sets off, as it does headings and whole paragraphs
_UNSEEN = "\u200e\u200f \t"  # marks of direction
_EDITED = re.compile(r"[\u200e \t]*(?:<This message was edited>|\(edited\))$")
_NO_TAGS = (*PLAYS, Form.GIVEN, Form.PROSE)


def is_comment(line: str) -> bool:
    """Whether a line of a script is skipped, though it isn't empty."""
    content = line.strip()
    return content == "#" or content.startswith(("# ", "##"))


class Reader:
    """What has been read so far: finished turns, and the one still open. A mistake does not end the reading."""

    def __init__(self, form: Form, counts: Counts, treatment: Reading, titles: Collection[int]) -> None:
        """titles: numbers of lines in front of the first name that are titles rather than lost speech."""
        self.turns: list[Turn] = []
        self.told: list[tuple[int, str, Severity]] = []
        self.headings: list[Heading] = []
        self.asides: list[Heading] = []  # all lines that are no speech, headings among them
        self.names: dict[str, tuple[str, int]] = {}  # casefolded name -> (spelling, line of first use)
        self._form, self._counts, self._treatment, self._titles = form, counts, treatment, titles
        self._open: OpenTurn | None = None
        self._waiting: list[Placed] = []  # pauses in front of the first name
        self._pause_line = 0  # where the last pause stands
        self._blank = True  # the line in front was empty
        self._headed: str | None = None  # this line is a heading or a rule: which
        self._set_off = False  # a heading or a rule was met since the last name
        self._apart = True  # the line in front was empty, or stood apart itself
        self._lost = False  # it was told that text has no speaker
        self._seen: set[tuple[int, str]] = set()

    def read(self, line: Line, following: str) -> None:
        """One line; `following` is the next one."""
        content = line.text.strip()
        self._headed = None
        try:
            if line.speaker is not None:
                times = tuple(beside for beside in line.beside if TIME.fullmatch(beside))
                asides = tuple(beside for beside in line.beside if beside not in times)
                self._begin_label(Label(line.speaker, None, asides, times, 0, ""), line.number)
                if self._open and line.start_s is not None:
                    self._open.options = Options(start_s=line.start_s, end_s=line.end_s)
            if not content:
                self._put("\n\n", line.number)
            elif line.aside:
                kind = heading_in(content)
                if kind == "a heading" or (kind is None and line.heading and len(content) <= LONGEST_HEADING):
                    self.headings.append(Heading(line.number, content))
                self._set_apart(Aside(content, content), line.number)
            elif self._form is not Form.GIVEN and is_comment(content):
                return
            else:
                self._put("\n", line.number)
                self._read_content(content, line.number, following)
        except Mistake as mistake:
            self._wrong(line.number, str(mistake))
        self._blank = not content or self._headed is not None
        goes_on = self._apart and self._set_off and self._headed is None
        self._apart = not content or goes_on or self._headed == "a heading"

    def finish(self, last_line: int) -> None:
        """After the last line."""
        pause_s = self._close()
        if pause_s:
            self._wrong(self._pause_line, "nothing follows this pause; put it in front of a turn, or remove it")
        if not self.turns and not any(severity == "error" for _, _, severity in self.told):
            self._wrong(last_line, 'the script is empty; write turns such as "[Anna] Good evening."')

    def tell(self, line: int, message: str, severity: Severity) -> None:
        """Note something; the same thing of one line only once."""
        if (line, message) not in self._seen:
            self._seen.add((line, message))
            self.told.append((line, message, severity))

    def _wrong(self, line: int, mistake: str) -> None:
        self.tell(line, mistake, "error")
        if self._open:
            self._open.spoiled = True

    def _read_content(self, content: str, number: int, following: str) -> None:
        if _UNSPACED_COMMENT.match(content) and self._form in (Form.BRACKETS, Form.LABELS):
            rest = shorten(content[1:])
            raise Mistake(f'a comment needs a space after "#": write "# {rest}", or "hashtag {rest}" to say it')
        begin = pauses_at(content)
        if begin:
            self._take(content[:begin].rstrip(), number)
            content = content[begin:]
        if not content:
            return
        if self._form is not Form.GIVEN and (kind := heading_in(content)):
            self._set_off, self._headed = True, kind
            if kind == "a heading":
                self.headings.append(Heading(number, content))
            self._set_apart(Aside(content, content, kind), number)
        elif self._form is Form.LABELS:
            self._read_labelled(content, number, following)
        elif self._form in PLAYS:
            self._read_play(content, number, following)
        elif self._form is Form.PROSE:
            if self._blank or self._open is None:
                self._begin(NARRATOR, None, number)
            self._take(content, number)
        elif self._form is Form.GIVEN:
            self._take(content, number)
        else:
            self._read_bracketed(content, number)

    def _read_bracketed(self, content: str, number: int) -> None:
        label = read_label(content)
        if bracket_in(content):
            content = content[_end(_BEFORE_BRACKET.match(content)) :]
        elif label and not label.bracketed and (known := self.names.get(label.name.casefold())):
            raise Mistake(f'this script names speakers in brackets; write "[{known[0]}]" instead of "{label.written}"')
        elif self._is_title(content, number):
            return
        elif label and label.spaced and label_in(content) and label.name.casefold() not in PROSE:
            told = f'"{label.written}" is read as text, since this script names speakers in brackets'
            self.tell(number, f"{told}; write [{label.name}] if it is a speaker", "warning")
        self._take(content, number)

    def _read_labelled(self, content: str, number: int, following: str) -> None:
        label = self._label(content)
        if label and label.times and is_no_message(content[label.end :]) and content[label.end :].strip():
            self._set_apart(Aside(content, content, "a message without words"), number)
            return
        if label:
            if not label.spaced and self._counts.labels[label.name.casefold()] < 2:
                self.tell(number, f'"{label.written}" is taken for a speaker; put a space behind it to be sure', "note")
            self._begin_label(label, number)
            said = content[label.end :].strip()
            if label.times and (mark := _EDITED.search(said)):
                self.tell(number, f'"{mark[0].strip(_UNSEEN)}" is the chat\'s own: left out', "note")
                said = said[: mark.start()]
            self._take(said, number)
            return
        cue = cue_in(content) if following.strip() else None
        if cue and cue.name.casefold() in self._counts.labels:
            spelling = self._counts.spellings[cue.name.casefold()]
            self._begin_label(Label(spelling, cue.options, cue.asides, cue.times, 0, cue.written), number)
            return
        if is_system_line(content):
            self._set_apart(Aside(content, content, "a line of the chat's own"), number)
            return
        if (asked := read_stage_bracket(content)) and asked.casefold() not in self._counts.labels:
            self._set_apart(Aside(asked, content), number)
            return
        header = read_label(content)
        by = header and header.name.casefold().startswith("by ") and not content[header.end :].strip()
        if header and (by or header.name.casefold() in HEADERS | SOUNDS) and header.spaced:
            self._set_apart(Aside(content, content, "a heading"), number)
            return
        if self._is_title(content, number):
            return
        self._doubt(content, number, cue)
        self._take(content, number)

    def _label(self, content: str) -> Label | None:
        """The label, if this line of a script of labels starts with one. Raises Mistake where its name is misspelled."""
        label = label_in(content)
        if label is None:
            other = read_label(content)
            low = other.name.casefold() if other else ""
            if other and low in self._counts.labels and (low in self.names or other.bracketed):
                spelling, _ = self.names.get(low, (self._counts.spellings[low], 0))
                raise Mistake(f'"{other.written}" looks like a speaker; write "{spelling}:"')
            return None
        low = label.name.casefold()
        if "," in low and not all(part.strip() in self._counts.labels for part in re.split(r",|\band\b|&", low)):
            return None  # Yes, Ben: that is so
        if low in PROSE and self.names and low not in self.names:
            return None
        if low in HEADERS | SOUNDS and low not in self._counts.labels:
            return None
        return label

    def _doubt(self, content: str, number: int, cue: Label | None) -> None:
        """Tell of lines that look like labels, but are text."""
        label = read_label(content)
        named = label and label.spaced and any(letter.isalpha() for letter in label.name)
        if label and named and label.name.casefold() not in PROSE:
            words = label.name.split()
            if len(words) == 1 or words[0][:1].isupper():
                told = f'"{label.written}" is read as text'
                self.tell(number, f"{told}; a speaker's name has one to three words with capitals", "warning")
        elif cue and (is_capitals(cue.name) or cue.times):
            told = f'"{cue.written}" is read as text'
            self.tell(number, f'{told}; if it is a speaker, write "{cue.name}:"', "warning")

    def _read_play(self, content: str, number: int, following: str) -> None:
        label = dotted_in(content)
        if label:
            low, empty = label.name.casefold(), not content[label.end :].strip() and not following.strip()
            among_cues = low in self._counts.cues or self._counts.dotted[low] > 1
            if empty or low not in self._counts.dotted or not (self._form is Form.DOTTED or among_cues):
                label = None
        if label is None and (labelled := label_in(content)) and self._is_known(labelled.name):
            label = labelled
        cue = None
        if label is None and following.strip():
            cue = cue_in(content)
            cue = cue if cue and (self._blank or cue.name.casefold() in self._counts.tight) else None
        if cue and (self._form is Form.CUES or self._is_named(cue.name)):
            label = cue
        if label:
            self._begin_label(label, number)
            self._take(content[label.end :].strip(), number)
        elif is_system_line(content):
            self._set_apart(Aside(content, content, "a line of the chat's own"), number)
        elif self._open is None or self._blank or self._set_off:
            self._set_off = True  # what goes on in the next line is no speech either
            self._set_apart(Aside(content, content), number)
        else:
            self._take(content, number)

    def _is_named(self, name: str) -> bool:
        """Whether what stands alone on a line names a speaker of a play whose names have full stops."""
        low = name.casefold()
        among = self._open is not None and is_capitals(name) and low in self._counts.cues
        return among or low in self._counts.dotted or low in self.names

    def _is_known(self, name: str) -> bool:
        low = name.casefold()
        return low in self._counts.cues or low in self._counts.dotted or low in self.names

    def _is_title(self, content: str, number: int) -> bool:
        """What stands apart in front of the first name, or behind a heading, is no speech: it is put aside."""
        if self._open is None and number in self._titles:
            self._set_apart(Aside(content, content, "text in front of the first name", "warning"), number)
            return True
        if self._set_off and self._apart and not bracket_in(content):
            self._set_apart(
                Aside(content, content, "text behind a heading or rule, and under no name", "warning"), number
            )
            return True
        return False

    def _begin_label(self, label: Label, number: int) -> None:
        self._begin(label.name, label.options, number)
        for time in label.times:
            self.tell(number, f'"{time}" is a time: left out', "note")
        for aside in label.asides:
            if is_mark(aside):
                self.tell(number, f'"{aside}" is a mark of the screenplay: left out', "note")
            else:
                self._aside(Aside(aside.strip("()[] "), aside), number)

    def _begin(self, name: str, options: str | None, number: int) -> None:
        spelling, first = self.names.setdefault(name.casefold(), (name, number))
        pause_s = self._close()
        self._set_off = False
        if is_several(name) and first == number:
            self.tell(number, f'"{name}" is one speaker, with one voice; write a turn each to hear several', "warning")
        self._open = OpenTurn(spelling, number, pause_s=pause_s)
        if spelling != name:
            told = f'"{name}" is spelled "{spelling}" on line {first}; write the name the same way everywhere'
            self._wrong(number, told)
            self._open.spoiled = False
        if options is not None:
            self._open.options = read_options(name, options)
        if self._open.options.overlap_s and not self.turns and not self._has_errors():
            raise Mistake(f"{name}'s turn has nothing to overlap with; take the overlap out of the first turn")

    def _has_errors(self) -> bool:
        return any(severity == "error" for _, _, severity in self.told)

    def _close(self) -> float:
        """Finish the open turn; returns the pause that trails it and so belongs to the next one."""
        if self._open is None:
            before_s, _, _ = trimmed([placed.piece for placed in self._waiting if isinstance(placed.piece, Pause)])
            self._waiting = []
            return before_s
        turns, pause_s = turns_of(self._open, self._treatment, self.names.keys(), self.tell)
        self.turns += turns
        self._open = None
        return pause_s

    def _put(self, piece: str | Pause, number: int) -> None:
        if self._open is not None:
            self._open.content.append(Placed(piece, number))

    def _take(self, content: str, number: int) -> None:
        if self._form in _NO_TAGS:
            content = content.replace("[[", "[").replace("]]", "]")
        named = False
        for piece in pieces(content):
            if named and isinstance(piece, str):  # [Anna]: Hello
                piece = piece[_end(_BEHIND_NAME.match(piece)) :]
            named = False
            if isinstance(piece, LeftOut):
                self.tell(number, f'"{shorten(piece.source)}" is {piece.what}: left out', "note")
            elif isinstance(piece, Tag):
                named = True
                self._take_tag(piece, number)
            elif isinstance(piece, Pause):
                self._pause_line = number
                (self._open.content if self._open else self._waiting).append(Placed(piece, number))
            elif self._open is None:
                self._lose(source(piece), number)
            else:
                self._open.content.append(Placed(piece, number))

    def _lose(self, text: str, number: int) -> None:
        if text.strip() and not self._lost:
            self._lost = True
            start = shorten(text)
            raise Mistake(f'"{start}" comes before any speaker; start with a name, as in "[Anna] {start}"')

    def _take_tag(self, tag: Tag, number: int) -> None:
        name = tag.name
        if self._form in _NO_TAGS:
            shown = f"[{name}]" if tag.options is None else f"[{name} | {tag.options}]"
            self._aside(Aside(name, shown), number)
        elif not is_bracket_name(name):
            try:
                reject_tag(name)
            except Mistake as mistake:  # which does not keep the rest of the line from being looked through
                self._wrong(number, str(mistake))
        elif self._form is Form.LABELS:
            spelling, _ = self.names.get(name.casefold(), (name, 0))
            raise Mistake(f'this script names speakers by labels; start a line with "{spelling}:" instead of [{name}]')
        else:
            self._begin(name, tag.options, number)

    def _set_apart(self, aside: Aside, number: int) -> None:
        """A direction that is all that stands on its line."""
        self.asides.append(Heading(number, aside.written))
        self._aside(aside._replace(apart=True), number)

    def _aside(self, aside: Aside, number: int) -> None:
        """A direction: part of the open turn, or on its own."""
        if self._open is not None:
            self._open.content += (Placed("\n", number), Placed(aside, number), Placed("\n", number))
            return
        if not tell_aside(aside, number, self._treatment, self.tell):
            return
        if self._treatment == "spoken":
            self._lose(aside.written, number)
            return
        words = aside.words.replace("[", "(").replace("]", ")")
        opened = OpenTurn(NARRATOR, number, pause_s=self._close(), content=[Placed(words, number)])
        turns, _ = turns_of(opened, "spoken", (), lambda *told: None)
        self.names.setdefault(NARRATOR.casefold(), (NARRATOR, number))
        self.turns += turns


def _end(match: re.Match[str] | None) -> int:
    return match.end() if match else 0
