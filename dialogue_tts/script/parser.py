"""Scripts: text with speaker names -> `Script`. Nothing is guessed at and nothing is dropped: what isn't understood
is a `ScriptError` that names the line.

A script names its speakers in one of two forms, and the first line with content decides which:

- **brackets**: `[Anna] Good evening. [Ben] Evening!` A tag may stand anywhere in a line. Lines like `Note: bring a
  coat` are then text.
- **labels**: `Anna: Good evening.` A label opens a line; it is 1 to 3 words, each beginning with a capital or a digit
  (the first with a capital), then a colon and a space or the line's end. So `Remember this: never run`, `at 5:30` and
  `https://x.org` are text. A line that is indented deeper than the script is never a label, nor is one that opens
  with a word of prose such as `Note:` or `Remember:`, unless the script's first label is that very word.

A name may be followed by options: `[Ben | overlap 0.3s]` starts before the turn in front ends, `[Ben | speed 1.2]` is
spoken faster; both at once are `[Ben | overlap 0.3s | speed 1.2]`. Labels take them too: `Ben | speed 1.2: Evening!`

A speaker's name begins with a capital (or a letter without case), holds letters, digits, spaces and `. ' - _`, and
is always spelled the same. Text runs on over lines until the next name. Empty lines are free; a line that starts
with `# ` is a comment. `[pause 0.5s]` (or `500ms`) between turns delays the next turn, inside a turn it stays in the
text; `[word](/phonemes/)` gives a word's pronunciation.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple, NoReturn

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.turns import Script, Turn

MAX_PAUSE_S = 10.0
SLOWEST, FASTEST = 0.5, 2.0  # speeds of a turn, and of what turn and settings make together

_NAME = re.compile(r"[^\W\d_a-z][\w.'’-]*(?: [\w.'’-]+){0,3}")
_LABEL = re.compile(r"([^\W\d_a-z][\w.'’-]*(?: [^\W_a-z][\w.'’-]*){0,2}) ?(?:\|([^:\[\]]*))?:(?=\s|$)")
_LABEL_ANY_CASE = re.compile(r"(\w[\w.'’-]*(?: [\w.'’-]+){0,2}) ?(?:\|[^:\[\]]*)?:(?=\s|$)")
_DIRECTED_LABEL = re.compile(r"([^\W\d_a-z][\w.'’-]*(?: [\w.'’-]+){0,2}) ?\([^()]*\) ?:(?=\s|$)")
_MARKDOWN_LABEL = re.compile(r"([*_]{1,3})([^*_:]+)(?::\1|\1:)(?=\s|$)")
_PROSE = frozenset(
    "attention caution example hint important listen look note p.s. ps reminder remember result tip update "
    "warning".split()
)

_TIME = r"\s*[:=]?\s*(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|sec|secs|seconds?)"
_PAUSE = re.compile(rf"pause{_TIME}", re.IGNORECASE)
_OVERLAP = re.compile(rf"overlap{_TIME}", re.IGNORECASE)
_SPEED = re.compile(r"speed\s*[:=]?\s*(\d+(?:\.\d+)?|\.\d+)\s*x?", re.IGNORECASE)
_LEADING_PAUSES = re.compile(r"(?:\[\s*pause\b[^\[\]]*\]\s*)+", re.IGNORECASE)
_LIKE_A_PAUSE = re.compile(
    r"(?:pauses?|puase|pasue|pause?d|break|wait|silence)\b.*|[a-z]+\s*[:=]?\s*-?[\d.]+\s*m?s", re.IGNORECASE
)
_SOUND = re.compile(
    r"(?:laugh|chuckl|giggl|sigh|cough|gasp|whisper|shout|groan|yawn|sniff|sobs|cry(?:ing)?\b|cries|scream|music\b|"
    r"applause|clears).*",
    re.IGNORECASE,
)
_PRONUNCIATION = re.compile(r"\[([^\[\]]*)\]\(([^()]*)\)?")


class Pause(NamedTuple):
    """`[pause 0.5s]`."""

    seconds: float


class Pronunciation(NamedTuple):
    """`[word](/phonemes/)`."""

    word: str
    phonemes: str


class _Options(NamedTuple):
    """What stands behind a speaker's name."""

    overlap_s: float = 0.0
    speed: float = 1.0


class Draft(NamedTuple):
    """What `parse_draft` finds.

    Attributes:
        turns: those that are understood, or in part; there may be none.
        mistakes: (line, what is wrong there), in the order they are met.
    """

    turns: tuple[Turn, ...]
    mistakes: tuple[tuple[int, str], ...]


class _Tag(NamedTuple):
    """Any other `[...]`: a speaker's name with its options, or a mistake."""

    name: str
    options: str | None = None  # what follows the first "|"


Inline = str | Pause | Pronunciation


def parse_script(text: str) -> Script:
    """A script as people write it -> its turns; see the module's docstring for the rules."""
    draft = parse_draft(text)
    if draft.mistakes:
        line, mistake = draft.mistakes[0]
        raise ScriptError(f"line {line}: {mistake}")
    return Script(draft.turns)


def parse_draft(text: str) -> Draft:
    """`parse_script` for a script that is still being written: what is understood of it, and all that is not."""
    lines = textwrap.dedent(text.removeprefix("\ufeff").expandtabs()).splitlines()
    reader = _Reader()
    for number, line in enumerate(lines, start=1):
        try:
            reader.read_line(line.rstrip(), number)
        except _Mistake as mistake:
            reader.note(number, str(mistake))
    reader.finish(len(lines) or 1)
    return Draft(tuple(reader.turns), tuple(reader.mistakes))


def format_script(script: Script) -> str:
    """A script in brackets, a turn a line, that parses back to the same turns (each `line` becomes its own)."""
    text = "".join(f"{format_turn(turn)}\n" for turn in script.turns)
    again = parse_script(text).turns
    for turn, parsed in zip(script.turns, again, strict=False):
        if replace(turn, line=1) != replace(parsed, line=1):
            if turn.text == parsed.text:
                raise ScriptError(f"{turn.speaker}'s turn {turn.text!r} has a pause, overlap or speed out of range")
            raise ScriptError(f"{turn.speaker}'s turn {turn.text!r} would be read back as {parsed.text!r}; reword it")
    if len(again) != len(script.turns):
        raise ScriptError(f"{len(script.turns)} turns would be read back as {len(again)}; take [names] out of the text")
    return text


def format_turn(turn: Turn) -> str:
    """One turn as a line in brackets, whatever its text; `format_script` says whether it can be read back."""
    overlap = f" | overlap {_number(turn.overlap_s)}s" if turn.overlap_s else ""
    speed = f" | speed {_number(turn.speed)}" if turn.speed != 1 else ""
    pause = f"[pause {_number(turn.pause_s)}s] " if turn.pause_s else ""
    return f"[{turn.speaker}{overlap}{speed}] {pause}{turn.text}"


def is_comment(line: str) -> bool:
    """Whether a line of a script is skipped, though it isn't empty."""
    content = line.strip()
    return content == "#" or content.startswith(("# ", "##"))


def check_script(script: Script) -> None:
    """Raises ScriptError for what a script that was built in code, not parsed, can have wrong."""
    if not script.turns:
        raise ScriptError("the script is empty; give it at least one turn.")
    for number, turn in enumerate(script.turns, start=1):
        wrong = None
        if not turn.speaker.strip():
            wrong = "it has no speaker; name one"
        elif not (0 <= turn.pause_s <= MAX_PAUSE_S and 0 <= turn.overlap_s <= MAX_PAUSE_S):
            wrong = f"pause and overlap go from 0 to {MAX_PAUSE_S:g} s"
        elif not SLOWEST <= turn.speed <= FASTEST:
            wrong = f"speeds go from {SLOWEST:g} to {FASTEST:g}"
        elif turn.overlap_s and (turn.pause_s or number == 1):
            wrong = "it cannot overlap, since it has a pause or is the first; take the overlap out"
        if wrong:
            raise ScriptError(f"turn {number} ({turn.speaker}): {wrong}.")
        try:
            split_inline(turn.text)
        except ScriptError as error:
            raise ScriptError(f"turn {number} ({turn.speaker}): {error}") from None


def split_inline(text: str) -> list[Inline]:
    """A turn's text -> its plain stretches, pauses and pronunciations, in order; any other bracket is an error."""
    pieces: list[Inline] = []
    try:
        for piece in _pieces(text):
            if isinstance(piece, _Tag):
                _reject_tag(piece.name)
            pieces.append(piece)
    except _Mistake as mistake:
        raise ScriptError(str(mistake)) from None
    return pieces


def plain_text(text: str) -> str:
    """A turn's text as it is read: no pauses, words without their pronunciations, single spaces."""
    shown = (
        " " if isinstance(piece, Pause) else piece if isinstance(piece, str) else piece.word
        for piece in split_inline(text)
    )
    return " ".join("".join(shown).split())


class _Mistake(Exception):
    """What is wrong in the line being read."""


class _Reader:
    """What has been read so far: finished turns, and the turn and pause still open.

    A mistake costs the rest of its line, or the turn; reading goes on behind it.
    """

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.mistakes: list[tuple[int, str]] = []  # (line, what is wrong)
        self.spoiled = False  # the open turn has a mistake: what it lacks now is not worth another
        self.labels: bool | None = None  # the script's form, once a line has decided it
        self.names: dict[str, tuple[str, int]] = {}  # casefolded name -> (spelling, line of first use)
        self.speaker: str | None = None
        self.options = _Options()
        self.line = 0
        self.pieces: list[Inline] = []  # the open turn's content
        self.pause_s = 0.0  # asked for in front of the open turn
        self.pause_line = 0  # where the last pause stands

    def read_line(self, line: str, number: int) -> None:
        content = line.strip()
        if not content or is_comment(content):
            return
        if re.match(r"#[^\W\d]", content):
            rest = _shorten(content[1:])
            raise _Mistake(f'a comment needs a space after "#": write "# {rest}", or "hashtag {rest}" to say it')
        if self.pieces:
            self.pieces.append(" ")  # a line's end is a space
        if match := _LEADING_PAUSES.match(content):
            self._take_all(match[0].rstrip(), number)
            content = content[match.end() :]
        if self.labels is None and content:
            self.labels = _label(content) is not None
        if not self.labels:
            self._check_form(content)
        elif not line[0].isspace() and (label := self._label_here(content)):
            self._open(label, number)
            content = content[content.index(":", len(label.name)) + 1 :].strip()
        self._take_all(content, number)

    def finish(self, last_line: int) -> None:
        if self._close():
            self.note(self.pause_line, "nothing follows this pause; put it in front of a turn, or remove it")
        if not self.turns and not self.mistakes:
            self.note(last_line, 'the script is empty; write turns such as "[Anna] Good evening."')

    def note(self, line: int, mistake: str) -> None:
        self.mistakes.append((line, mistake))
        self.spoiled = True

    def _take_all(self, content: str, number: int) -> None:
        for piece in _pieces(content):
            if isinstance(piece, _Tag):
                self._take_tag(piece, number)
                continue
            if isinstance(piece, Pause):
                self.pause_line = number
            elif self.speaker is None and _says(piece):
                if self.spoiled:
                    return
                start = _shorten(_source(piece))
                raise _Mistake(f'"{start}" comes before any speaker; start with a name, as in "[Anna] {start}"')
            self.pieces.append(piece)

    def _take_tag(self, tag: _Tag, number: int) -> None:
        name = tag.name
        if self.labels and _is_name(name):
            spelling, _ = self.names.get(name.casefold(), (name, 0))
            raise _Mistake(f'this script names speakers by labels; start a line with "{spelling}:" instead of [{name}]')
        if not _is_name(name):
            _reject_tag(name)
        self._open(tag, number)

    def _open(self, tag: _Tag, number: int) -> None:
        name = tag.name
        spelling, first = self.names.setdefault(name.casefold(), (name, number))
        if spelling != name:
            self.note(
                number, f'"{name}" is spelled "{spelling}" on line {first}; write the name the same way everywhere'
            )
        self.pause_s = self._close()
        self.speaker, self.options, self.line, self.spoiled = spelling, _Options(), number, False
        if tag.options is not None:
            self.options = _read_options(tag)
        if self.options.overlap_s and not self.turns and not self.mistakes:
            raise _Mistake(f"{name}'s turn has nothing to overlap with; take the overlap out of the first turn")

    def _close(self) -> float:
        """Finish the open turn; returns the pause that trails it and so belongs to the next one."""
        pieces, self.pieces = self.pieces, []
        before_s = after_s = 0.0
        while pieces and not _says(pieces[0]):
            before_s += _seconds(pieces.pop(0))
        while pieces and not _says(pieces[-1]):
            after_s += _seconds(pieces.pop())
        if self.speaker is None:
            return before_s
        text = " ".join("".join(map(_source, pieces)).split())
        if not any(c.isalnum() for piece in pieces if not isinstance(piece, Pause) for c in _source(piece)):
            if not self.spoiled:
                has = f'only "{_shorten(text)}"' if text else "no text"
                self.note(self.line, f"{self.speaker}'s turn has {has}; write something to say, or remove the name")
            return after_s
        pause_s = self.pause_s + before_s
        if pause_s > MAX_PAUSE_S:
            total = f"the pauses in front of {self.speaker}'s turn add up to {pause_s:g} s"
            self.note(self.line, f"{total}; ask for at most {MAX_PAUSE_S:g} s")
        elif pause_s and self.options.overlap_s:
            self.note(self.line, f"{self.speaker}'s turn cannot both pause and overlap; remove one of them")
        self.turns.append(Turn(self.speaker, text, pause_s, self.line, *self.options))
        return after_s

    def _label_here(self, content: str) -> _Tag | None:
        """The label, if this line of a script of labels starts with one."""
        _reject_decoration(content)
        label = _label(content)
        if label and (label.name.casefold() not in _PROSE or not self.names or label.name.casefold() in self.names):
            return label
        match = _LABEL_ANY_CASE.match(content)
        if match and match[1].casefold() in self.names:
            spelling, _ = self.names[match[1].casefold()]
            raise _Mistake(f'"{match[1]}:" looks like a speaker; write "{spelling}:", or indent the line if it is text')
        return None

    def _check_form(self, content: str) -> None:
        """In a script of brackets a label is text, unless its name is a speaker's."""
        match = _LABEL_ANY_CASE.match(content) or _DIRECTED_LABEL.match(content)
        if match and match[1].casefold() in self.names:
            spelling, _ = self.names[match[1].casefold()]
            raise _Mistake(f'this script names speakers in brackets; write "[{spelling}]" instead of "{match[0]}"')
        _reject_decoration(content)


def _pieces(text: str) -> Iterator[Inline | _Tag]:
    """Text and brackets in order; brackets are classified, stray ones rejected."""
    position = 0
    while position < len(text):
        opening = text.find("[", position)
        plain = text[position:] if opening < 0 else text[position:opening]
        if "]" in plain:
            before = _shorten(plain[: plain.index("]")], tail=True)
            raise _Mistake(f'the "]" after "{before}" has no "[" in front of it; remove it, or write both')
        if plain:
            yield plain
        if opening < 0:
            return
        closing = text.find("]", opening)
        inner = text[opening + 1 : closing if closing >= 0 else None]
        if closing < 0 or "[" in inner:
            raise _Mistake(f'the bracket "[{_shorten(inner)}" is never closed on its line; add the "]"')
        if text.startswith("(", closing + 1) and (match := _PRONUNCIATION.match(text, opening)):
            yield _pronunciation(match)
            position = match.end()
        else:
            yield _bracket(inner)
            position = closing + 1


def _bracket(inner: str) -> Pause | _Tag:
    name, bar, options = (" ".join(part.split()) for part in inner.partition("|"))
    if (match := _PAUSE.fullmatch(name)) and not bar:
        seconds = float(match[1]) / (1000 if match[2].lower() == "ms" else 1)
        if not 0 < seconds <= MAX_PAUSE_S:
            raise _Mistake(f"[{name}] is out of range; ask for more than 0 s and at most {MAX_PAUSE_S:g} s")
        return Pause(seconds)
    if not name and not bar:
        raise _Mistake('"[]" is empty; write a speaker\'s name or "[pause 0.5s]" in it')
    return _Tag(name, options if bar else None)


def _read_options(tag: _Tag) -> _Options:
    """`overlap 0.3s | speed 1.2`, in any order; a comma may stand for the bar."""
    found: dict[str, float] = {}
    for option in (part.strip() for part in re.split(r"[|,]", tag.options or "")):
        if match := _OVERLAP.fullmatch(option):
            key, value = "overlap_s", float(match[1]) / (1000 if match[2].lower() == "ms" else 1)
            if not 0 < value <= MAX_PAUSE_S:
                raise _Mistake(f'"{option}" is out of range; ask for more than 0 s and at most {MAX_PAUSE_S:g} s')
        elif match := _SPEED.fullmatch(option):
            key, value = "speed", float(match[1])
            if not SLOWEST <= value <= FASTEST:
                raise _Mistake(f'"{option}" is out of range; speeds go from {SLOWEST:g} to {FASTEST:g}')
        else:
            what = f'"{_shorten(option)}" is no option of a turn' if option else "an option is missing"
            raise _Mistake(f"{what}; write [{tag.name} | overlap 0.3s] or [{tag.name} | speed 1.2]")
        if key in found:
            raise _Mistake(f'"{option}" is the second of its kind; give each option once')
        found[key] = value
    return _Options(**found)


def _pronunciation(match: re.Match[str]) -> Pronunciation:
    word, phonemes = " ".join(match[1].split()), match[2].strip()
    if not match[0].endswith(")") or not re.fullmatch(r"/[^/]*[^/\s][^/]*/", phonemes) or not word:
        shown = _shorten(match[0])
        raise _Mistake(f'write a pronunciation as "[word](/phonemes/)", for example [tomato](/təmˈAto/), not "{shown}"')
    return Pronunciation(word, phonemes[1:-1].strip())


def _is_name(name: str) -> bool:
    plain = _NAME.fullmatch(name) and not name[0].islower()
    return bool(plain) and not _LIKE_A_PAUSE.fullmatch(name) and not _SOUND.fullmatch(name)


def _label(content: str) -> _Tag | None:
    match = _LABEL.match(content)
    return _Tag(match[1], match[2]) if match and not any(word[0].islower() for word in match[1].split()) else None


def _reject_tag(name: str) -> NoReturn:
    shown = f"[{_shorten(name)}]"
    if _LIKE_A_PAUSE.fullmatch(name):
        raise _Mistake(f"{shown} is not understood; write a pause as [pause 0.5s]")
    if _SOUND.fullmatch(name):
        raise _Mistake(f'{shown}: sounds cannot be acted; write a word such as "Haha" or "Oh", or remove the tag')
    if _NAME.fullmatch(name.capitalize()):
        raise _Mistake(f"{shown} is not a known tag; a speaker is written like [Anna], a pause like [pause 0.5s]")
    raise _Mistake(f"{shown} is not a known tag; remove it, or put what is to be said in (parentheses)")


def _reject_decoration(content: str) -> None:
    """Labels as chat models write them: `**Anna:** text`, `Anna (sadly): text`."""
    if match := _MARKDOWN_LABEL.match(content):
        raise _Mistake(f'"{match[0]}" is formatted text; write the name plainly, as in "{match[2].strip()}: ..."')
    if match := _DIRECTED_LABEL.match(content):
        raise _Mistake(f'a direction as in "{match[0]}" cannot be acted; write the name alone, as in "{match[1]}: ..."')


def _source(piece: Inline) -> str:
    """A piece as a script writes it; a pause is set apart by spaces."""
    match piece:
        case Pause(seconds):
            return f" [pause {_number(seconds)}s] "
        case Pronunciation(word, phonemes):
            return f"[{word}](/{phonemes}/)"
        case _:
            return piece


def _says(piece: Inline) -> bool:
    return not isinstance(piece, Pause) and bool(_source(piece).strip())


def _seconds(piece: Inline) -> float:
    return piece.seconds if isinstance(piece, Pause) else 0.0


def _number(seconds: float) -> str:
    """The shortest decimal that reads back as the same number."""
    return repr(seconds).removesuffix(".0")


def _shorten(text: str, tail: bool = False) -> str:
    text = " ".join(text.split())
    if len(text) <= 40:
        return text
    return "..." + text[-37:] if tail else text[:37] + "..."
