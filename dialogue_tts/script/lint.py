"""What a script is worth before it is spoken: everything wrong in it, what may be a slip, how long it will take."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.directions import Treatment
from dialogue_tts.script.findings import Finding, named_word
from dialogue_tts.script.gaps import HURRY, fitted_speed, offset_s
from dialogue_tts.script.parser import Draft, parse_draft
from dialogue_tts.script.turns import Turn
from dialogue_tts.settings import SynthesisConfig, turn_speed
from dialogue_tts.text.accents import AMERICAN
from dialogue_tts.text.phonemes import TextFrontend
from dialogue_tts.text.tokenizer import phones_of
from dialogue_tts.text.words import SpokenText, Word

TURN_S, PHONE_S = 0.36, 0.08  # a turn lasts so long, and so much longer with each phone: fitted to what en-small says
WORK_PER_S = 0.2  # seconds of work for a second of speech, on two cores with nothing else to do
FEW_PHONES = 2  # "No", "Oh": the networks heard few of them alone
LONG_TURN_S = 30.0
MOST_LINES = 200  # of a turn, in which a word is looked for
MOST_COMPARED = 300  # speakers
SHORTEST_LIKE_NAME = 3  # letters; names of two differ by one all the time


@dataclass(frozen=True)
class TurnReading:
    """What will be said for a turn, word by word: `word.spoken` is its plain spelling, `word.phonemes` its sounds."""

    line: int
    speaker: str
    words: tuple[Word, ...]


@dataclass(frozen=True)
class LintReport:
    """What `lint` finds.

    Attributes:
        findings: by line.
        speakers: in order of first appearance.
        turns: how many are understood.
        duration_s: expected length of the dialogue.
        work_s: expected time to make it, on two idle cores.
        spoken: what will be said, turn by turn; without those that cannot be.
    """

    findings: tuple[Finding, ...]
    speakers: tuple[str, ...]
    turns: int
    duration_s: float
    work_s: float
    spoken: tuple[TurnReading, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that keep the script from being spoken."""
        return tuple(finding for finding in self.findings if finding.severity == "error")


def lint(
    script: str | Draft,
    frontend: TextFrontend,
    voices: Collection[str] | None = None,
    config: SynthesisConfig | None = None,
    directions: Treatment = "left_out",
    accents: Mapping[str, str] | None = None,
) -> LintReport:
    """Look through a script without speaking it: milliseconds for a page. Nothing in a script makes it raise.

    Args:
        script: its text, or what was read of a document.
        voices: speakers who have a voice; None where that is not known yet.
        config: settings the script will be spoken with.
        directions: as in `parse_script`; of a text alone.
        accents: speaker -> accent of the voice; American English for others.
    """
    config = config or SynthesisConfig()
    draft = parse_draft(script, directions) if isinstance(script, str) else script
    lines = draft.lines
    findings = list(draft.findings)
    spoken: list[tuple[Turn, SpokenText, float]] = []
    for turn in draft.turns:
        try:
            accent = (accents or {}).get(turn.speaker, AMERICAN)
            said = frontend.speak(turn.text, dict(config.pronunciations), accent)
            spoken.append((turn, said, _sound_s(turn, said, config)))
        except ScriptError as error:
            findings.append(_error(lines, turn, str(error).removeprefix(f"line {turn.line}: ")))
    first_lines = {turn.speaker: turn.line for turn in reversed(draft.turns)}
    speakers = tuple(dict.fromkeys(turn.speaker for turn in draft.turns))
    findings += [
        *_guessed_words(lines, spoken),
        *_lengths(spoken, {mistake.line for mistake in draft.mistakes}),
        *_tight(spoken),
        *_like_names(speakers, first_lines),
    ]
    if voices is not None:
        findings += _voiceless(speakers, first_lines, voices)
        if not draft.mistakes:  # of a draft, not all speakers may be known
            findings += _strangers(speakers, voices)
    return LintReport(
        findings=tuple(sorted(findings, key=lambda f: (f.line, f.column or 0, f.severity))),
        speakers=speakers,
        turns=len(draft.turns),
        duration_s=dialogue_s([turn for turn, *_ in spoken], [s + _pauses_s(text) for _, text, s in spoken], config),
        work_s=WORK_PER_S * sum(sound_s * turn_speed(turn, config) for turn, _, sound_s in spoken),
        spoken=tuple(TurnReading(turn.line, turn.speaker, said.words) for turn, said, _ in spoken),
    )


def expected_s(turns: Sequence[Turn], frontend: TextFrontend, config: SynthesisConfig) -> float:
    """Expected length of a dialogue, in seconds. Raises ScriptError if a turn cannot be spoken."""
    said = [frontend.speak_turn(turn, dict(config.pronunciations)) for turn in turns]
    sounds_s = [_sound_s(turn, text, config) + _pauses_s(text) for turn, text in zip(turns, said, strict=True)]
    return dialogue_s(turns, sounds_s, config)


def likely_s(phones: float) -> float:
    """How long so many phones are likely to sound, in seconds, at a usual pace."""
    return TURN_S + PHONE_S * phones


def _sound_s(turn: Turn, text: SpokenText, config: SynthesisConfig) -> float:
    """How long a turn is likely to sound, without its pauses. Raises ScriptError if its speed is out of range."""
    usual_s = likely_s(len(phones_of(text.phonemes)))
    return usual_s / fitted_speed(turn, turn_speed(turn, config), usual_s, _pauses_s(text))


def _pauses_s(text: SpokenText) -> float:
    return sum(seconds for _, seconds in text.pauses)


def dialogue_s(turns: Sequence[Turn], sounds_s: Sequence[float], config: SynthesisConfig) -> float:
    """How long a dialogue is likely to be whose turns sound so long, in seconds."""
    end_s = start_s = 0.0
    for previous, turn, sound_s in zip([None, *turns][: len(turns)], turns, sounds_s, strict=True):
        behind_s = max(start_s, end_s + offset_s(previous, turn, 0.5, config.gap_s))
        start_s = behind_s if turn.start_s is None else max(end_s, turn.start_s)
        end_s = max(end_s, start_s + sound_s)
    return end_s


def _guessed_words(lines: Sequence[str], spoken: list[tuple[Turn, SpokenText, float]]) -> Iterator[Finding]:
    told: set[str] = set()
    for turn, said, _ in spoken:
        for word in said.words:
            if word.guessed and word.text.casefold() not in told:
                told.add(word.text.casefold())
                read = f'"{word.text}" is in no dictionary and will be read as /{word.phonemes}/'
                line, column = _place(lines, turn, word.text)
                yield Finding(line, column, "warning", f"{read}; write [{word.text}](/phonemes/) if that is wrong.")


def _lengths(spoken: list[tuple[Turn, SpokenText, float]], wrong: Collection[int]) -> Iterator[Finding]:
    """Turns that are very short or long, except where a mistake on the same line cost some of their words."""
    for turn, text, sound_s in spoken:
        if turn.line not in wrong and len(phones_of(text.phonemes)) <= FEW_PHONES:
            told = f'{turn.speaker} says only "{turn.text}"; a word or two more would come out more surely.'
            yield Finding(turn.line, None, "warning", told)
        if sound_s > LONG_TURN_S:
            told = f"{turn.speaker} speaks for about {sound_s:.0f} s; shorter turns sound more like a conversation."
            yield Finding(turn.line, None, "warning", told)


def _tight(spoken: list[tuple[Turn, SpokenText, float]]) -> Iterator[Finding]:
    """Turns that are to be over before they can be."""
    for turn, text, sound_s in spoken:
        needed_s = sound_s + _pauses_s(text)
        if turn.room_s is not None and needed_s > turn.room_s:
            told = (
                f"{turn.speaker} has {turn.room_s:.1f} s and needs about {needed_s:.1f} s, even {HURRY:g} times as fast"
            )
            yield Finding(turn.line, None, "warning", f"{told}; shorten the text, or give it more time.")


def _like_names(speakers: tuple[str, ...], first_lines: Mapping[str, int]) -> Iterator[Finding]:
    """Speakers whose names differ by one letter: of such a pair, the later one may be a slip. Thousands of speakers are not
    compared: a list of them is no script, and each is one more for all others."""
    for known, name in combinations(speakers[:MOST_COMPARED], 2):
        if min(len(known), len(name)) >= SHORTEST_LIKE_NAME and _one_slip_apart(known.casefold(), name.casefold()):
            told = f'"{name}" is nearly "{known}" (line {first_lines[known]}); if both are one speaker, write one name.'
            yield Finding(first_lines[name], None, "warning", told)


def _one_slip_apart(a: str, b: str) -> bool:
    """By one letter put in, left out or changed, or by two swapped; digits tell speakers apart on purpose."""
    a, b = sorted((a, b), key=len)
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    rest_a, rest_b = a[same:], b[same:]
    if not (rest_a + rest_b) or any(not letter.isalpha() for letter in (rest_a[:1], rest_b[:1]) if letter):
        return False
    changed = len(a) == len(b) and rest_a[1:] == rest_b[1:] and len(a) > SHORTEST_LIKE_NAME
    swapped = len(a) == len(b) and rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:]
    return changed or swapped or rest_a == rest_b[1:]


def _voiceless(speakers: tuple[str, ...], first_lines: Mapping[str, int], voices: Collection[str]) -> Iterator[Finding]:
    for speaker in speakers:
        if speaker not in voices:
            told = f"{speaker} has no voice and will get a built-in one; give {speaker} one, or leave it so."
            yield Finding(first_lines[speaker], None, "warning", told)


def _strangers(speakers: tuple[str, ...], voices: Collection[str]) -> Iterator[Finding]:
    for speaker in voices:
        if speaker not in speakers:
            told = f"{speaker} has a voice, but no turn in the script; its speakers are {', '.join(speakers)}."
            yield Finding(1, None, "error", told)


def _error(lines: Sequence[str], turn: Turn, message: str) -> Finding:
    named = named_word(message)
    line, column = _place(lines, turn, named) if named else (turn.line, None)
    return Finding(line, column, "error", message)


def _place(lines: Sequence[str], turn: Turn, word: str) -> tuple[int, int | None]:
    """Line and column of a word of a turn; of the turn alone where the word is not written like that."""
    name = re.compile(rf"\s*{re.escape(turn.speaker)}\s*(\|[^:]*)?:")
    wanted = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    for number, line in enumerate(lines[turn.line - 1 : turn.line - 1 + MOST_LINES], start=turn.line):
        line = re.sub(r"\[[^\[\]]*\](?!\()", lambda tag: " " * len(tag[0]), line)  # speakers and pauses
        begin = name.match(line) if number == turn.line else None
        if found := wanted.search(line, begin.end() if begin else 0):
            return number, found.start() + 1
    return turn.line, None
