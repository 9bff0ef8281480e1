"""What is asked of the synthesis: values only, checked before they are made.

Takes can be made in any order and together with those of other dialogues: what each sounds like does not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.dialogue.project import KIND, Project, SavedTake, SavedTurn, saved_voices
from dialogue_tts.dialogue.result import BundleId, Dialogue, Take, TurnTakes
from dialogue_tts.dialogue.timing import turn_offsets, turn_starts
from dialogue_tts.errors import SettingsError
from dialogue_tts.provenance.mark import Mark
from dialogue_tts.script.findings import Finding
from dialogue_tts.script.gaps import fitted_speed
from dialogue_tts.script.lint import dialogue_s, likely_s
from dialogue_tts.script.segments import Segment
from dialogue_tts.script.turns import Turn
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.text.words import SpokenText
from dialogue_tts.voices.voice import Voice


@dataclass(frozen=True)
class TakeRequest:
    """A take that is to be made: all that its sound depends on, and `rivals`, the dialogue's other voices, which its
    self-check alone depends on.

    Attributes:
        text: as it is spoken; segments: how it is cut for the networks.
        speed: the turn's own times that of the settings.
    """

    turn: Turn
    text: SpokenText
    segments: tuple[Segment, ...]
    voice: Voice
    seed: int
    speed: float
    config: SynthesisConfig
    rivals: tuple[Voice, ...] = ()

    @cached_property
    def phones(self) -> int:
        """How many there are: what the take costs."""
        return sum(segment.phones for segment in self.segments)

    @cached_property
    def expected_s(self) -> float:
        """How long it is likely to sound, with the pauses in it."""
        pauses_s = sum(seconds for _, seconds in self.text.pauses)
        sound_s = likely_s(self.phones)
        return sound_s / fitted_speed(self.turn, self.speed, sound_s, pauses_s) + pauses_s


@dataclass(frozen=True)
class TurnRequest:
    """A turn with the takes it has and those it is to get.

    Attributes:
        kept: made before; wanted: to be made, which come after them.
        chosen: which of all of them is heard.
    """

    turn: Turn
    kept: tuple[Take, ...]
    wanted: tuple[TakeRequest, ...]
    chosen: int

    @property
    def seed(self) -> int:
        """Of the chosen take."""
        every: tuple[Take | TakeRequest, ...] = (*self.kept, *self.wanted)
        return every[self.chosen].seed

    @property
    def longest_s(self) -> float:
        """Of all takes, as far as it is known: those made before are held, too, for as long as the others are made."""
        made_s = [take.waveform.size / SAMPLE_RATE_HZ for take in self.kept]
        return max([*made_s, *(take.expected_s for take in self.wanted)])

    def with_found(self, index: int, find: Callable[[int, int], Take | None]) -> TurnRequest:
        """Without the wanted takes that were made before; see `DialogueRequest.with_found`."""
        found: list[Take] = []
        for number, wanted in enumerate(self.wanted, start=len(self.kept)):
            take = find(index, number)
            if take is None or (take.text, take.seed) != (wanted.turn.text, wanted.seed):
                break
            found.append(take)
        return replace(self, kept=(*self.kept, *found), wanted=self.wanted[len(found) :])

    def with_made(self, made: Sequence[Take]) -> TurnTakes:
        """The turn, when the wanted takes are made."""
        return TurnTakes(self.turn, (*self.kept, *made), self.chosen)


@dataclass(frozen=True)
class DialogueRequest:
    """A dialogue that is to be made, with everything checked that can be wrong.

    Attributes:
        voices: of each speaker.
        seed: of the dialogue; config: settings of all its takes.
        mark: in its sound; None for none.
        findings: what the script's reading left out, or understood in an uncommon form.
    """

    turns: tuple[TurnRequest, ...]
    voices: dict[str, Voice]
    seed: int
    config: SynthesisConfig
    bundle: BundleId
    mark: Mark | None
    findings: tuple[Finding, ...] = ()

    def with_found(self, find: Callable[[int, int], Take | None]) -> DialogueRequest:
        """The same, without what was made before.

        Args:
            find: (turn, take), both from 0 -> that take of the turn, or None where it was not made. A take is taken only where
                those before it are.
        """
        return replace(self, turns=tuple(turn.with_found(index, find) for index, turn in enumerate(self.turns)))

    def part(self, first: int, last: int) -> DialogueRequest:
        """Turns `first` to `last`, both from 0, which sound as they do in the whole.

        Raises:
            SettingsError: there are no such turns.
        """
        if not 0 <= first <= last < len(self.turns):
            told = f"there are no turns {first + 1} to {last + 1}; the script has turns 1 to {len(self.turns)}"
            raise SettingsError(f"{told}.")
        begin = self.turns[first]
        begin = replace(begin, turn=replace(begin.turn, overlap_s=0.0))  # there is nothing to overlap with
        return replace(self, turns=(begin, *self.turns[first + 1 : last + 1]))

    @property
    def wanted(self) -> list[TakeRequest]:
        """All takes that are to be made, in order."""
        return [take for turn in self.turns for take in turn.wanted]

    @cached_property
    def expected_s(self) -> float:
        """About how long the dialogue will be, in seconds, with the longest take of each turn."""
        return dialogue_s([turn.turn for turn in self.turns], [turn.longest_s for turn in self.turns], self.config)

    @property
    def unmade_s(self) -> float:
        """About how much sound is to be made, in seconds."""
        return sum(take.expected_s for take in self.wanted)

    @property
    def offsets(self) -> list[int]:
        """See `turn_offsets`."""
        return turn_offsets([turn.turn for turn in self.turns], [turn.seed for turn in self.turns], self.config)

    @property
    def starts(self) -> list[int | None]:
        """See `turn_starts`."""
        return turn_starts(turn.turn for turn in self.turns)

    @property
    def provenance(self) -> str:
        """See `Dialogue.provenance`; known before any sound is."""
        return Dialogue((), self.voices, self.seed, self.config, self.bundle, self.mark).provenance

    @property
    def project(self) -> Project:
        """From which `Planner.project` makes the request again, whatever of it is made."""
        turns = []
        for turn in self.turns:
            every: tuple[Take | TakeRequest, ...] = (*turn.kept, *turn.wanted)
            takes = [SavedTake(take.text if isinstance(take, Take) else take.turn.text, take.seed) for take in every]
            turns.append(SavedTurn.of(turn.turn, takes, turn.chosen))
        return Project(KIND, self.bundle, self.seed, self.config, saved_voices(self.voices), tuple(turns), "")

    def dialogue(self, parts: Sequence[TurnTakes]) -> Dialogue:
        """The dialogue, or its beginning where later turns are not there yet. Raises SettingsError if none are."""
        if not parts:
            raise SettingsError("no turn has been spoken yet; ask for the dialogue after the first.")
        voices = {speaker: self.voices[speaker] for speaker in dict.fromkeys(part.turn.speaker for part in parts)}
        made, findings = tuple(parts), self.findings
        return Dialogue(made, voices, self.seed, self.config, self.bundle, self.mark, findings=findings)
