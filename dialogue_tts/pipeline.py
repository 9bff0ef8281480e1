"""DialogueTTS: the one place where the stages meet.

A script is spoken in windows of turns, so that memory stays flat however long it is; in a window, all turns' semantic
tokens are decoded in one batch, then each turn gets acoustic tokens behind its own voice's prompt, then sound.

How a turn sounds depends on its text, its voice, the settings and its seed alone, bit for bit on one machine with one
number of threads; where it starts depends on the turns before it. The turn's seed comes from the dialogue's seed, the
speaker's name, the text, and how often that speaker has said the same before: not from its number, so that a turn put in,
taken out or changed leaves the others as they are.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchaudio.functional import edit_distance

from dialogue_tts.acoustic.generate import Passage, Prompt, assemble, generate_codes, read_prompts, target_codes
from dialogue_tts.audio.loudness import at_loudness
from dialogue_tts.bundle import Bundle, find_bundle
from dialogue_tts.config import SAMPLE_RATE_HZ, frames_to_seconds
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import BundleId, Dialogue, Part, Revision, Take
from dialogue_tts.dialogue.turns import Check
from dialogue_tts.dialogue.words import Reading, with_pauses, word_times
from dialogue_tts.errors import Cancelled
from dialogue_tts.nn.conformer import PromptCache
from dialogue_tts.prefetch import ahead, apart
from dialogue_tts.script.inline import plain_text
from dialogue_tts.script.lint import Review, expected_s, likely_s, review
from dialogue_tts.script.parser import check_script, parse_script
from dialogue_tts.script.segments import Piece, pieces, windows
from dialogue_tts.script.turns import Script, Turn
from dialogue_tts.semantic.align import Units, turn_text, units_said
from dialogue_tts.semantic.generate import SemanticTurn, generate_semantic, rows_in_batches
from dialogue_tts.semantic.tokenizer import greedy_phones, unlikelihood
from dialogue_tts.settings import SynthesisConfig, turn_speed
from dialogue_tts.stages import stage
from dialogue_tts.synthesis.request import Order, Plan, Progress, chunks
from dialogue_tts.synthesis.stream import Stream
from dialogue_tts.text.phonemes import TextFrontend
from dialogue_tts.voices.assignment import VoiceBox, Voices
from dialogue_tts.voices.library import VoiceLibrary
from dialogue_tts.voices.voice import Consent, Voice

TURNS_AHEAD = 4  # how far a stream runs ahead of its listener
VOICES_REMEMBERED = 16  # a voice of eight seconds takes two and a half megabytes


@dataclass(frozen=True)
class _Draw:
    """A piece's tokens and how well they read back."""

    tokens: Tensor  # (T,) int64
    units: Tensor  # (T, 2) int64: what of the text each frame says, and what follows
    reading: Reading
    error: float  # share of phones
    pace: float  # beside the voice's prompt
    number: int

    def will_do(self, config: SynthesisConfig) -> bool:
        """Whether nothing better needs to be drawn."""
        return self.error <= config.max_phone_error and not self.off(config)

    def off(self, config: SynthesisConfig) -> bool:
        """Whether its pace is none that the voice would have."""
        return max(self.pace, 1 / self.pace) > config.max_pace_ratio


@dataclass(frozen=True)
class Drawn:
    """A turn's semantic tokens: what `DialogueTTS.render` makes its sound of."""

    order: Order
    pieces: tuple[Piece, ...]
    draws: tuple[_Draw, ...]


class _Wanted(NamedTuple):
    """A piece that is to be drawn."""

    piece: Piece
    voice: Voice
    seed: int
    config: SynthesisConfig


class _Usual(NamedTuple):
    """What a voice's prompt sounds like."""

    pace: float  # beside `likely_s`
    print: Tensor  # (size,) of length one


@dataclass(frozen=True)
class _Voiced:
    """A piece's acoustic tokens and how well its sound reads back."""

    codes: Tensor  # (T, Q) int64
    sound: Tensor  # (T * HOP,) float32, at its own speed
    error: float  # share of phones
    doubt: float  # see `unlikelihood`
    number: int


class DialogueTTS:
    """Load once with `from_pretrained`, then `synthesize` or `stream` as often as you like, also from several threads."""

    def __init__(
        self, bundle: Bundle, config: SynthesisConfig | None = None, library: VoiceLibrary | None = None
    ) -> None:
        self.bundle = bundle
        self.config = config or SynthesisConfig()
        self.library = library or VoiceLibrary()
        self._frontend = TextFrontend()
        self._voicebox = VoiceBox(bundle, self.library)
        self._quiet = bundle.semantic_tokenizer.quiet_tokens()
        self._usual = lru_cache(maxsize=256)(self._usual_of)
        self._remembered = lru_cache(maxsize=VOICES_REMEMBERED)(self._remember)

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path | None = None,
        config: SynthesisConfig | None = None,
        library: VoiceLibrary | None = None,
    ) -> DialogueTTS:
        """The bundle that comes with the package, or another by its folder or hub id.

        Args:
            config: settings of calls that give none.
            library: voices that people keep; by default the user's own.

        Raises:
            BundleError: not found, damaged, or incomplete.
        """
        return apart(lambda: cls(Bundle.load(find_bundle(name)), config, library))

    @property
    def sample_rate(self) -> int:
        """Of all output, in Hz."""
        return SAMPLE_RATE_HZ

    @property
    def voices(self) -> tuple[str, ...]:
        """Names of the built-in voices."""
        return tuple(self.bundle.voices)

    def voice(self, voice: str | Path | Voice) -> Voice:
        """A built-in or kept voice by name, one from a sound file, or a saved one; built-in voices are encoded once.

        Raises:
            VoiceError: no such voice or file, or the recording or the saved voice cannot serve.
        """
        return self._voicebox.voice(voice)

    def new_voice(
        self, name: str, recording: str | Path | np.ndarray, consent: Consent, sample_rate_hz: int = SAMPLE_RATE_HZ
    ) -> Voice:
        """A voice to keep: `save` writes it as one file, with its consent record.

        Args:
            recording: sound file, or mono float32 (samples,) in [-1, 1] at `sample_rate_hz`; 2 to 30 s of speech.
            consent: who agreed, when, and to what.

        Raises:
            VoiceError: the recording cannot serve, or the name is empty.
        """
        return self._voicebox.new_voice(name, recording, consent, sample_rate_hz)

    def keep_voice(self, voice: Voice) -> None:
        """Keep a voice in `library`, so that its name serves as a built-in voice's does.

        Raises:
            VoiceError: the name is taken or not fit, or the voice has no consent record or was made with another bundle.
        """
        self._voicebox.keep(voice)

    def review(self, text: str, voices: Collection[str] | None = None, config: SynthesisConfig | None = None) -> Review:
        """What is wrong in a script or may be, and how long it will take; it is not spoken, and nothing in it raises.

        Args:
            voices: speakers who have a voice; None where that is not known yet.
        """
        return review(text, self._frontend, voices, config or self.config)

    def expected_duration(self, script: str | Script, config: SynthesisConfig | None = None) -> float:
        """About how long a script's dialogue will be, in seconds. Raises ScriptError if it cannot be spoken."""
        script = parse_script(script) if isinstance(script, str) else script
        return expected_s(script.turns, self._frontend, config or self.config)

    def assign(self, speakers: Sequence[str], voices: Voices) -> dict[str, str | Path | Voice]:
        """Which voice each speaker will have, as `cast` takes them; none is read or encoded.

        Raises:
            ScriptError: `voices` names another speaker; VoiceError: there are no built-in voices to give.
        """
        return self._voicebox.assign(speakers, voices)

    def cast(self, script: Script, voices: Voices) -> dict[str, Voice]:
        """A voice for every speaker of the script; those without one get built-in voices nobody else has, if there are
        enough.

        Raises:
            ScriptError: `voices` names a speaker the script lacks.
            VoiceError: a voice cannot serve.
        """
        return self._voicebox.cast(script, voices)

    def stream(
        self,
        script: str | Script,
        voices: Voices | None = None,
        seed: int = 0,
        config: SynthesisConfig | None = None,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        revision: Revision | None = None,
    ) -> Stream:
        """Speak a script turn by turn: each is yielded as soon as it is made, while later ones are made in a thread.

        The other arguments and the sound are those of `synthesize`. Closing the stream stops the work; its `dialogue`
        is what has been spoken so far.

        Args:
            revision: what to keep of a dialogue made before. Only turns that it has no fitting take of are computed.

        Raises:
            ScriptError, VoiceError: at once, before any work starts; Cancelled: from the stream.
        """
        config, revision = config or self.config, revision or Revision()
        orders = self._orders(script, voices or {}, seed, config, revision.seeds)
        kept = [revision.kept(i, order.turn, order.voice, config) for i, order in enumerate(orders)]
        asked = [revision.seeds.get(i) for i in range(len(orders))]
        said = [part and part.saying(o.turn.text, s) for part, o, s in zip(kept, orders, asked, strict=True)]
        missing = [order for order, part in zip(orders, said, strict=True) if not part]
        stop = threading.Event()
        made = self._takes(missing, True, _either(stop.is_set, cancelled))
        orders = [replace(o, seed=part.take.seed) if part else o for o, part in zip(orders, said, strict=True)]

        def parts() -> Iterator[Part]:
            for order, there, earlier in zip(orders, said, kept, strict=True):
                take = None if there else next(made)
                yield there or (earlier.with_take(take) if earlier else Part(order.turn, (take,)))

        spoken = ahead(chunks(parts(), orders, config, progress), TURNS_AHEAD, stop)
        return Stream(spoken, {o.turn.speaker: o.voice for o in orders}, seed, config, self.bundle_id)

    def synthesize(
        self,
        script: str | Script,
        voices: Voices | None = None,
        seed: int = 0,
        config: SynthesisConfig | None = None,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Dialogue:
        """Speak a script.

        Args:
            script: as text (see `dialogue_tts.script`) or parsed.
            voices: speaker -> name of a built-in or kept voice, sound file of 2 to 30 s, saved voice's file, or `Voice`.
                Speakers left out get different built-in voices, which depend on the names only.
            seed: the same script, voices, settings, seed and bundle give the same bytes on the same machine, with the
                same number of threads.
            config: settings of this call; by default those of `from_pretrained`.
            progress: called after each turn.
            cancelled: asked between turns, for example `threading.Event().is_set`; a true answer ends the work.

        Raises:
            ScriptError: the script cannot be spoken; VoiceError: a voice cannot serve. Both before any work starts.
            Cancelled: `cancelled` said so.
        """
        config = config or self.config
        plan = self.plan(script, voices, seed, config)
        takes: list[Take] = []
        for take in self._takes_apart(plan.orders, cancelled):
            takes.append(take)
            if progress:
                progress(len(takes), len(plan.orders))
        return plan.dialogue(takes)

    def plan(
        self,
        script: str | Script,
        voices: Voices | None = None,
        seed: int = 0,
        config: SynthesisConfig | None = None,
    ) -> Plan:
        """What `synthesize` would make, checked; for whoever makes the turns of several dialogues at once.

        `draw` and `render` make takes of the plan's orders; its `dialogue` is the very one that `synthesize` gives.

        Raises:
            ScriptError: the script cannot be spoken; VoiceError: a voice cannot serve.
        """
        config = config or self.config
        return Plan(tuple(self._orders(script, voices or {}, seed, config)), seed, config, self.bundle_id)

    def draw(self, orders: Sequence[Order], cancelled: Callable[[], bool] | None = None) -> list[Drawn]:
        """Semantic tokens of turns, of one dialogue or of several: eight pieces of turns cost little more than one.

        Raises:
            Cancelled: `cancelled` said so.
        """
        every = [pieces(order.text) for order in orders]
        wanted = [
            _Wanted(piece, order.voice, _seed(order.seed, number), order.config)
            for order, turn in zip(orders, every, strict=True)
            for number, piece in enumerate(turn)
        ]
        draws = iter(self._draw(wanted, cancelled or _never))
        return [Drawn(o, tuple(turn), tuple(next(draws) for _ in turn)) for o, turn in zip(orders, every, strict=True)]

    def render(self, drawn: Drawn) -> Take:
        """A turn's sound and word times, from its semantic tokens."""
        order, config, draws = drawn.order, drawn.order.config, drawn.draws
        voiced = [self._voice(draw, order.voice, _seed(order.seed, n), config) for n, draw in enumerate(draws)]
        codes = torch.cat([piece.codes for piece in voiced])
        if len(voiced) == 1 and order.speed == 1:
            sound = voiced[0].sound  # what would be decoded is just that
        else:
            sound = self.bundle.codec.decode(codes[None], order.speed)[0]
        if config.loudness_lufs is not None:
            sound = at_loudness(sound, SAMPLE_RATE_HZ, config.loudness_lufs)
        words = word_times(drawn.pieces, [draw.reading for draw in draws], length_s=sound.shape[0] / SAMPLE_RATE_HZ)
        wave, words = with_pauses(_faded(sound).numpy(), words, order.text.pauses)
        phones = [len(draw.reading.phone_ids) for draw in draws]
        return Take(
            text=order.turn.text,
            seed=order.seed,
            waveform=wave,
            words=tuple(words),
            draws=max(piece.number for piece in voiced),
            check=self._check(
                order, codes, phones, float(np.average([piece.error for piece in voiced], weights=phones))
            ),
        )

    def redo(self, dialogue: Dialogue, index: int, seed: int | None = None, text: str | None = None) -> Dialogue:
        """Another take of one turn, which is chosen; the others stay, and no other turn is computed.

        Args:
            index: of the turn, from 0.
            seed: of the take; None for one that the turn has not had. With a new text, None gives the take that the
                whole script would have been given with that text.
            text: what to say instead; None for the same.

        Raises:
            SettingsError: there is no such turn; ScriptError: the text cannot be spoken.
        """
        takes, written = dialogue.takes(index), list(dialogue.script.turns)
        if text is not None:
            written[index] = replace(written[index], text=" ".join(text.split()))
        turn = written[index]
        check_script(Script(tuple(written)))
        if seed is None:
            seed = turn_seeds(written, dialogue.seed)[index]
            used = {take.seed for take in takes if take.text == turn.text}
            seed = next(s for s in (seed, *(_seed(seed, n) for n in range(len(used)))) if s not in used)
        order = self._order(turn, dialogue.voices, seed, dialogue.config)
        take = apart(lambda: self.render(*self.draw([order])))
        return dialogue.with_take(index, take)

    def rebuild(
        self,
        project: str | Path | Project,
        voices: Voices | None = None,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Dialogue:
        """The dialogue of a project file, with all its takes, bit for bit on the same machine.

        Args:
            voices: speaker -> voice, where the project's is neither built in nor kept.

        Raises:
            ProjectError: the file cannot be read, or the bundle or a voice is not the one it was made with.
        """
        project = project if isinstance(project, Project) else Project.load(project)
        project.check_bundle(self.bundle_id)
        sources = project.voices_from(voices or {}, (*self.voices, *self.library.names()))
        cast = {speaker: self.voice(voice) for speaker, voice in sources.items()}
        project.check_voices(cast)
        orders = [
            self._order(replace(saved.turn, text=take.text), cast, take.seed, project.config)
            for saved in project.turns
            for take in saved.takes
        ]
        made = self._takes_apart(orders, cancelled)
        parts = []
        for saved in project.turns:
            parts.append(Part(saved.turn, tuple(next(made) for _ in saved.takes), saved.chosen))
            if progress:
                progress(len(parts), len(project.turns))
        return Dialogue(tuple(parts), cast, project.seed, project.config, self.bundle_id)

    @property
    def bundle_id(self) -> BundleId:
        """Which bundle this is."""
        return BundleId(self.bundle.config.name, self.bundle.sha256)

    def _orders(
        self,
        script: str | Script,
        voices: Voices,
        seed: int,
        config: SynthesisConfig,
        own_seeds: Mapping[int, int] | None = None,
    ) -> list[Order]:
        """What is to be made, with everything checked that can be wrong."""
        script = parse_script(script) if isinstance(script, str) else script
        check_script(script)
        seeds = turn_seeds(script.turns, seed)
        seeds = [(own_seeds or {}).get(index, of_turn) for index, of_turn in enumerate(seeds)]
        cast = self.cast(script, voices)
        return [self._order(turn, cast, s, config) for turn, s in zip(script.turns, seeds, strict=True)]

    def _order(self, turn: Turn, cast: Mapping[str, Voice], seed: int, config: SynthesisConfig) -> Order:
        speed = turn_speed(turn, config)
        said = self._frontend.speak_turn(turn, dict(config.pronunciations))
        voice = self.voice(cast[turn.speaker])
        rivals = {other.sha256: other for other in cast.values() if other.sha256 != voice.sha256}
        return Order(turn, said, voice, seed, speed, config, tuple(rivals.values()))

    def _takes_apart(self, orders: Sequence[Order], cancelled: Callable[[], bool] | None) -> Iterator[Take]:
        """Takes in the order they were asked for; while one is looked at, the next waits."""
        stop = threading.Event()
        return ahead(self._takes(orders, False, _either(stop.is_set, cancelled)), 1, stop)

    def _takes(
        self, orders: Sequence[Order], first_alone: bool, cancelled: Callable[[], bool]
    ) -> Generator[Take, None, None]:
        """Takes in the order they were asked for, made window by window."""
        phones = [sum(piece.phones for piece in pieces(order.text)) for order in orders]
        for window in windows(phones, first_alone=first_alone):
            for drawn in self.draw([orders[index] for index in window], cancelled):
                _stop_if(cancelled)
                yield self.render(drawn)

    def _draw(self, wanted: list[_Wanted], cancelled: Callable[[], bool]) -> list[_Draw]:
        """Semantic tokens of pieces, drawn again where they read back wrong; the best draw of each.

        Rows of a batch that nobody needs make later draws of the same pieces ahead of time: they cost nothing, and
        which draw is taken does not depend on them.
        """
        best: dict[int, _Draw] = {}
        drawn = [0] * len(wanted)
        pending = list(range(len(wanted)))
        tokenizer = self.bundle.text_tokenizer
        while pending:
            _stop_if(cancelled)
            left = {i: wanted[i].config.takes - drawn[i] for i in pending}
            later = [(further, i) for further in range(1, max(left.values()) + 1) for i in pending]
            asked = [(i, drawn[i] + further) for further, i in later if further <= left[i]]
            asked = asked[: rows_in_batches(len(pending))]
            spoken = generate_semantic(
                self.bundle.text_to_semantic,
                [turn_text(wanted[i].piece.phonemes, tokenizer) for i, _ in asked],
                self.bundle.config.semantic_decoding,
                [_seed(wanted[i].seed, number) for i, number in asked],
                tokenizer.pad_id,
                self._quiet,
            )
            for (i, number), result in zip(asked, spoken, strict=True):
                drawn[i] = number
                if i in best and best[i].will_do(wanted[i].config):
                    continue  # an earlier draw
                draw = self._judge(wanted[i], result, number)
                rank = (draw.off(wanted[i].config), draw.error)
                if i not in best or rank < (best[i].off(wanted[i].config), best[i].error):
                    best[i] = draw
            wrong = [i for i in pending if not best[i].will_do(wanted[i].config)]
            pending = [i for i in wrong if drawn[i] < wanted[i].config.takes]
        return [best[i] for i in range(len(wanted))]

    def _judge(self, wanted: _Wanted, spoken: SemanticTurn, number: int) -> _Draw:
        log_probs = self.bundle.semantic_tokenizer.read(spoken.tokens[None])[0]
        units = Units.of(wanted.piece.phonemes)
        phones = self.bundle.semantic_tokenizer.phone_ids(units.phones)
        reading = Reading(len(spoken.tokens), log_probs, phones)
        pace = _pace(len(phones), len(spoken.tokens)) / self._usual(wanted.voice).pace
        said = units_said(units, spoken.units)
        return _Draw(spoken.tokens, said, reading, _misread(log_probs, phones), pace, number)

    def _check(self, order: Order, codes: Tensor, phones: list[int], phone_error: float) -> Check:
        """What there is to say of a turn: codes (T, Q), and how many phones each of its pieces has."""
        usual, heard = self._usual(order.voice), self._print(codes)
        rivals = [float(heard @ self._usual(rival).print) for rival in order.rivals]
        return Check(
            phone_error=phone_error,
            pace=_pace(sum(phones), len(codes), pieces=len(phones)) / usual.pace,
            voice_match=float(heard @ usual.print),
            rival_match=max(rivals, default=None),
        )

    def _usual_of(self, voice: Voice) -> _Usual:
        heard = greedy_phones(self.bundle.semantic_tokenizer.read(voice.semantic[None])[0])
        return _Usual(_pace(len(heard), len(voice.semantic)), self._print(voice.codes))

    def _remember(self, voice: Voice) -> PromptCache | None:
        nothing = voice.semantic.new_zeros(0)
        frames, _ = assemble([Passage([_prompt(voice)], nothing, nothing)], self.bundle.soundstorm.config.levels)
        return read_prompts(self.bundle.soundstorm, frames, self.bundle.config.acoustic_decoding)

    @stage("self-check")
    @torch.inference_mode()
    def _print(self, codes: Tensor) -> Tensor:
        """codes (T, Q) -> (size,)."""
        twice = codes if len(codes) > 1 else codes.repeat(2, 1)  # of one frame there is no spread
        return self.bundle.speaker_embedding(self.bundle.codec.quantizer.decode(twice[None]))[0]

    def _voice(self, draw: _Draw, voice: Voice, seed: int, config: SynthesisConfig) -> _Voiced:
        """Acoustic tokens of a piece, drawn again where something else than its text is heard; the best draw."""
        model, tokenizer = self.bundle.soundstorm, self.bundle.semantic_tokenizer
        slots = torch.zeros_like(draw.tokens)
        passage = Passage([_prompt(voice)], draw.tokens, slots, draw.units)
        frames, valid = assemble([passage], model.config.levels)
        decoding, memory = self.bundle.config.acoustic_decoding, self._remembered(voice)
        best: _Voiced | None = None
        for number in range(1, config.sound_takes + 1):
            seeds = [_seed(seed, number)]
            filled = generate_codes(model, frames, valid, decoding, seeds, memory)
            codes = target_codes(filled, frames, valid)[0]
            sound = self.bundle.codec.decode(codes[None])
            heard, wanted = tokenizer.hear(sound)[0], draw.reading.phone_ids
            doubt = unlikelihood(heard, wanted)
            if best is None or doubt < best.doubt:
                best = _Voiced(codes, sound[0], _misread(heard, wanted), doubt, number)
            if doubt <= config.max_ctc_nll:
                break
        return best


def turn_seeds(turns: Sequence[Turn], seed: int) -> list[int]:
    """A seed for every turn, from the dialogue's seed, the speaker, the text, and how often it came before.

    Pauses and pronunciations in a text do not count, so that a turn keeps its tone when they are put in.
    """
    said: Counter[tuple[str, str]] = Counter()
    seeds = []
    for turn in turns:
        key = turn.speaker, plain_text(turn.text)
        seeds.append(_seed(seed, *key, said[key]))
        said[key] += 1
    return seeds


def _prompt(voice: Voice) -> Prompt:
    """The one voice of a turn."""
    return Prompt(0, voice.semantic, voice.codes)


def _misread(log_probs: Tensor, phone_ids: list[int]) -> float:
    """Share of the wanted phones that are read wrong: log_probs (T', classes)."""
    return edit_distance(greedy_phones(log_probs), phone_ids) / len(phone_ids)


def _pace(phones: int, frames: int, pieces: int = 1) -> float:
    """How fast so many phones are spoken in so many frames, beside what is usual: 1 as fast, 2 twice as fast."""
    return pieces * likely_s(phones / pieces) / frames_to_seconds(frames)


def _faded(wave: Tensor, seconds: float = 0.01) -> Tensor:
    """No clicks at the ends."""
    count = min(round(seconds * SAMPLE_RATE_HZ), wave.shape[0] // 2)
    ramp = torch.linspace(0, 1, count)
    wave = wave.clone()
    wave[:count] *= ramp
    wave[wave.shape[0] - count :] *= ramp.flip(0)
    return wave


def _never() -> bool:
    return False


def _either(stopped: Callable[[], bool], cancelled: Callable[[], bool] | None) -> Callable[[], bool]:
    return lambda: stopped() or (cancelled is not None and cancelled())


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Cancelled("the synthesis was cancelled; what was finished before stays.")


def _seed(*parts: int | str) -> int:
    """A seed that depends on all parts; fits a JSON number."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=6).digest(), "little")
