"""SubRip (.srt, by srt) and WebVTT (.vtt, by webvtt-py): cues with the times at which they are to be heard."""

from __future__ import annotations

import html
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import srt
import webvtt

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.forms import Line, is_bracket_name, speaker_label_in
from dialogue_tts.script.labels import is_capitals

UNNAMED = "Speaker"  # who says what no cue gives a name to
MOST_CUES = 50_000
_BLANKS, _EMPTY_LINES, _DIGITS = re.compile(r"[^\S\n]+"), re.compile(r"\n(?: ?\n)+"), re.compile(r"\d{100}")
_TAG = re.compile(r"<[^<>]{0,200}>|\{\\[^{}]{0,100}\}")
_VOICE = re.compile(r"<v(?:\.[\w.-]+)*\s+([^<>]{1,100})>")
_DASH = re.compile(r"[-–—‐]\s*(?=\S)")
_BRACKETED = re.compile(r"\[([^\[\]]{1,60})\]\s*:?\s*(?=\S)")
_NAMED = re.compile(r"\[([^\[\]]{1,60})\]\s*:?")
_MUSIC = re.compile(r"[♪♫#*\s]+|[♪♫].*[♪♫]?")


class TimedCue(NamedTuple):
    """One cue, its times in seconds."""

    start_s: float
    end_s: float
    text: str

    def at(self, share: float) -> float:
        """A time within: several people in one cue speak one after the other, each as long as there is to say."""
        return round(self.start_s + share * (self.end_s - self.start_s), 3)


def read_srt(text: str) -> tuple[list[Line], list[str]]:
    """Its cues. Raises ScriptError."""
    plain = _EMPTY_LINES.sub(
        "\n\n", _BLANKS.sub(" ", text.replace("\r\n", "\n"))
    )  # srt looks at long runs again and again
    if digits := _DIGITS.search(plain):
        raise ScriptError(f'these subtitles have a number of over 100 digits, "{digits[0][:10]}..."; take it out.')
    try:
        found = sorted(srt.parse(plain, ignore_errors=False))
    except srt.SRTParseError as error:
        near = " ".join(error.unmatched_content.split())[:40]
        raise ScriptError(f'these are no SubRip subtitles near "{near}"; mend that cue, or save them again.') from None
    except (srt.TimestampParseError, ValueError, OverflowError):
        raise ScriptError("a time in these SubRip subtitles is not understood; save them again.") from None
    return _read([TimedCue(c.start.total_seconds(), c.end.total_seconds(), c.content) for c in found])


def read_vtt(text: str) -> tuple[list[Line], list[str]]:
    """Its cues. Raises ScriptError."""
    try:
        captions = webvtt.from_buffer(io.StringIO(text.removeprefix("\ufeff").replace("\r\n", "\n"))).captions
    except (webvtt.errors.MalformedFileError, webvtt.errors.MalformedCaptionError, ValueError, IndexError):
        raise ScriptError("these are no WebVTT subtitles that can be read; save them again as .vtt or .srt.") from None
    return _read(
        [
            TimedCue(_seconds(c.start_in_seconds, c.start), _seconds(c.end_in_seconds, c.end), c.raw_text)
            for c in captions
        ]
    )


def _seconds(whole: int, clock: str) -> float:
    return round(whole + int(clock.rpartition(".")[2]) / 1000, 3)


def _read(cues: Sequence[TimedCue]) -> tuple[list[Line], list[str]]:
    if not cues:
        raise ScriptError("these subtitles have no cues; choose another file.")
    if len(cues) > MOST_CUES:
        raise ScriptError(
            f"these subtitles have {len(cues)} cues, at most {MOST_CUES} are read; cut them into several."
        )
    rolling, shouted = _is_rolling(cues), _are_capitals(cues)
    lines: list[Line] = []
    speaker, shown = UNNAMED, ""
    spelled: dict[str, str] = {}  # name in small letters -> as it came first
    for number, cue in enumerate(cues, start=1):
        written = [line.strip() for line in cue.text.split("\n") if _plain(line)]
        if rolling:
            while written and _plain(written[0]) == shown:
                written = written[1:]
            shown = _plain(written[-1]) if written else shown
        speeches = list(_speeches(written, shouted))
        letters, said = sum(len(text) for _, text, aside in speeches if not aside), 0
        for name, text, aside in speeches:
            speaker = spelled.setdefault(name.casefold(), name) if name else speaker
            if aside:
                lines.append(Line(number, text, aside=True))
                continue
            start_s, said = cue.at(said / letters), said + len(text)
            lines.append(Line(number, text, speaker, start_s=start_s, end_s=cue.at(said / letters)))
    return lines, ["lines that roll on from one cue into the next are read once"] if rolling else []


def _is_rolling(cues: Sequence[TimedCue]) -> bool:
    """Captions that scroll show each line twice, as those of YouTube do."""
    ends = [[_plain(line) for line in cue.text.split("\n") if _plain(line)] for cue in cues]
    repeats = sum(bool(a and b) and b[0] == a[-1] for a, b in zip(ends, ends[1:], strict=False))
    return len(cues) > 3 and repeats * 3 > len(cues)


def _are_capitals(cues: Sequence[TimedCue]) -> bool:
    """Whether names come in capitals, so that `Tonight: rain.` names nobody."""
    texts = (_DASH.sub("", _plain(line), count=1) for cue in cues for line in cue.text.split("\n"))
    names = Counter(label.name for text in texts if (label := speaker_label_in(text)))
    capitals = sum(count for name, count in names.items() if is_capitals(name))
    return capitals > 1 and all(count == 1 for name, count in names.items() if not is_capitals(name))


def _speeches(written: Sequence[str], shouted: bool) -> Iterator[tuple[str | None, str, bool]]:
    """(name, text, whether it is no speech) of what is said in one cue; lines without a name or dash go on.

    shouted: names are in capitals.
    """
    held: list[tuple[str | None, list[str], bool]] = []
    for place, line in enumerate(written):
        voice = _VOICE.search(line)
        text = _plain(line)
        dash = _DASH.match(text)
        text = text[dash.end() :] if dash else text
        name = " ".join(html.unescape(voice[1]).split()) if voice else None
        if not voice and (label := speaker_label_in(text)) and not (shouted and not is_capitals(label.name)):
            name, text = label.name, text[label.end :].strip()
        elif not voice and (named := _BRACKETED.match(text)) and _is_person(named[1]):
            name, text = named[1], text[named.end() :]
        elif not voice and place + 1 < len(written) and (named := _NAMED.fullmatch(text)) and _is_person(named[1]):
            name, text = named[1], ""
        if _MUSIC.fullmatch(text):
            held.append((None, [text], True))
        elif held and not (name or dash) and not held[-1][2]:
            held[-1][1].append(text)
        elif text or name:
            held.append((name, [text] if text else [], False))
    for name, parts, aside in held:
        yield name, " ".join(parts), aside


def _is_person(name: str) -> bool:
    return is_bracket_name(name) and (is_capitals(name) or all(word[:1].isupper() for word in name.split()))


def _plain(line: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", line)).replace("\u200b", "").split())
