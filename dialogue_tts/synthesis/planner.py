"""From scripts, dialogues and projects to requests: everything that can be wrong is found here, before work starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import BundleId, Dialogue, Take
from dialogue_tts.dialogue.revision import Revision
from dialogue_tts.provenance.mark import Mark
from dialogue_tts.script.parser import as_script, check_script
from dialogue_tts.script.segments import cut_turn
from dialogue_tts.script.turns import Script, Turn
from dialogue_tts.settings import SynthesisConfig, checked_config, checked_seed, turn_speed
from dialogue_tts.synthesis.request import DialogueRequest, TakeRequest, TurnRequest
from dialogue_tts.synthesis.seeds import turn_seeds, unused_seed
from dialogue_tts.text.phonemes import TextFrontend
from dialogue_tts.voices.assignment import VoiceResolver, Voices
from dialogue_tts.voices.voice import Voice


@dataclass(frozen=True)
class Planner:
    """Reads texts and finds voices. Takes a while for long scripts: keep it off an event loop."""

    frontend: TextFrontend
    voices: VoiceResolver
    bundle: BundleId
    mark: Mark | None
    config: SynthesisConfig  # of scripts that come with none

    def script(
        self,
        script: str | Script,
        voices: Voices | None,
        seed: int,
        config: SynthesisConfig | None,
        revision: Revision | None = None,
    ) -> DialogueRequest:
        """What a script asks for; with a revision, takes made before serve again where they fit.

        Raises:
            ScriptError: it cannot be spoken; VoiceError: a voice cannot serve; SettingsError: `seed` or `config` is none.
        """
        script, seed, config = as_script(script), checked_seed(seed), checked_config(config, self.config)
        check_script(script)
        revision = revision or Revision()
        cast = self.voices.cast(script, voices or {})
        rivals, turns = _rivals(cast), []
        for index, (turn, usual_seed) in enumerate(zip(script.turns, turn_seeds(script.turns, seed), strict=True)):
            own_seed = revision.seeds.get(index)
            kept = revision.kept(index, turn, cast[turn.speaker], config)
            if kept and (fitting := kept.saying(turn.text, own_seed)):
                turns.append(TurnRequest(turn, fitting.takes, (), fitting.chosen))
                continue
            take = self._take(turn, cast, rivals, usual_seed if own_seed is None else own_seed, config)
            takes = kept.takes if kept else ()
            turns.append(TurnRequest(turn, takes, (take,), len(takes)))
        return DialogueRequest(tuple(turns), cast, seed, config, self.bundle, self.mark, script.findings)

    def redo(self, dialogue: Dialogue, index: int, seed: int | None, text: str | None) -> DialogueRequest:
        """A dialogue with another take of one turn; see `DialogueTTS.redo`."""
        takes, written = dialogue.takes(index), list(dialogue.script.turns)
        if text is not None:
            written[index] = replace(written[index], text=" ".join(text.split()))
        turn = written[index]
        check_script(Script(tuple(written)))
        if seed is not None:
            seed = checked_seed(seed)
        else:
            used = {take.seed for take in takes if take.text == turn.text}
            seed = unused_seed(turn_seeds(written, dialogue.seed)[index], used)
        turns = [TurnRequest(part.turn, part.takes, (), part.chosen) for part in dialogue.turn_takes]
        wanted = self._take(turn, dialogue.voices, _rivals(dialogue.voices), seed, dialogue.config)
        turns[index] = replace(turns[index], wanted=(wanted,), chosen=len(takes))
        voices, config = dict(dialogue.voices), dialogue.config
        made = tuple(turns)
        return DialogueRequest(made, voices, dialogue.seed, config, dialogue.bundle, self.mark, dialogue.findings)

    def project(
        self, project: Project, voices: Voices, made: Mapping[int, Sequence[Take]] | None = None
    ) -> DialogueRequest:
        """What a project holds, with all its takes; see `DialogueTTS.rebuild`.

        Args:
            made: turn, from 0 -> the first of its takes, which were made before.
        """
        project.check_bundle(self.bundle)
        sources = project.voices_from(voices, self.voices.known_voices)
        cast = {speaker: self.voices.voice(voice) for speaker, voice in sources.items()}
        project.check_voices(cast)
        cast = project.in_its_accents(cast)
        rivals, turns = _rivals(cast), []
        for index, saved in enumerate(project.turns):
            kept = tuple((made or {}).get(index, ()))
            wanted = saved.takes[len(kept) :]
            takes = [self._take(replace(saved.turn, text=t.text), cast, rivals, t.seed, project.config) for t in wanted]
            turns.append(TurnRequest(saved.turn, kept, tuple(takes), saved.chosen))
        return DialogueRequest(tuple(turns), cast, project.seed, project.config, self.bundle, self.mark)

    def _take(
        self,
        turn: Turn,
        cast: Mapping[str, Voice],
        rivals: Mapping[str, tuple[Voice, ...]],
        seed: int,
        config: SynthesisConfig,
    ) -> TakeRequest:
        """`rivals` are those of the cast, made once: a script may have thousands of speakers."""
        speed = turn_speed(turn, config)
        voice = self.voices.voice(cast[turn.speaker])
        said = self.frontend.speak_turn(turn, dict(config.pronunciations), voice.accent)
        return TakeRequest(turn, said, tuple(cut_turn(said)), voice, seed, speed, config, rivals[voice.sha256])


def _rivals(cast: Mapping[str, Voice]) -> dict[str, tuple[Voice, ...]]:
    """SHA-256 of each voice of a cast -> the others."""
    voices = {voice.sha256: voice for voice in cast.values()}
    return {own: tuple(other for sha256, other in voices.items() if sha256 != own) for own in voices}
