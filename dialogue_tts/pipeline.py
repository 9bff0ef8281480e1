"""DialogueTTS: what the library offers. Scripts are planned, submitted to the one queue, and waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from pathlib import Path

import torch

from dialogue_tts.bundle import Bundle, find_bundle
from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.dialogue.archive import is_archive, load_archive
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import BundleId, Dialogue
from dialogue_tts.dialogue.revision import Revision
from dialogue_tts.nn.devices import find_device, find_dtype
from dialogue_tts.provenance.mark import Mark, bundle_code
from dialogue_tts.script.directions import Treatment
from dialogue_tts.script.lint import LintReport, expected_s, lint
from dialogue_tts.script.parser import Draft, as_script
from dialogue_tts.script.turns import Script
from dialogue_tts.settings import SynthesisConfig, checked_config
from dialogue_tts.synthesis.asynchronous import AsyncStream, result
from dialogue_tts.synthesis.planner import Planner
from dialogue_tts.synthesis.scheduler import Scheduler
from dialogue_tts.synthesis.stream import Stream
from dialogue_tts.synthesis.synthesizer import Synthesizer
from dialogue_tts.synthesis.ticket import TellProgress
from dialogue_tts.text.phonemes import TextFrontend
from dialogue_tts.threads import run_in_worker_thread
from dialogue_tts.voices.assignment import VoiceResolver, Voices
from dialogue_tts.voices.library import KeptVoices, VoiceLibrary


class DialogueTTS(VoiceResolver):
    """Load once with `from_pretrained`, then `synthesize` or `stream` as often as you like, also from several threads.

    Attributes:
        mark: in all sound; None if it was switched off.
        plan: makes requests of scripts, dialogues and projects.
        synthesizer: what speaks; `scheduler`: the queue in front of it, for whoever wants tickets.
    """

    def __init__(
        self,
        bundle: Bundle,
        config: SynthesisConfig | None = None,
        library: KeptVoices | None = None,
        mark: bool = True,
        operator: int = 0,
    ) -> None:
        """The last two as in `from_pretrained`."""
        super().__init__(bundle, library or VoiceLibrary())
        self.config = checked_config(config, SynthesisConfig())
        self._frontend = TextFrontend(bundle.config.accents)
        self.mark = Mark(bundle_code(self.bundle_id.name, self.bundle_id.sha256), operator) if mark else None
        self.plan = Planner(self._frontend, self, self.bundle_id, self.mark, self.config)
        self.synthesizer = Synthesizer(bundle)
        self.scheduler = Scheduler(self.synthesizer)

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path | None = None,
        config: SynthesisConfig | None = None,
        library: KeptVoices | None = None,
        device: str | torch.device = "cpu",
        dtype: str | torch.dtype = torch.float32,
        mark: bool = True,
        operator: int = 0,
    ) -> DialogueTTS:
        """The bundle that comes with the package, or another by its folder or hub id.

        Args:
            config: settings of calls that give none.
            library: voices that people keep; by default the user's own.
            device: where the networks lie: "cpu", "cuda:1", "mps" or what else PyTorch knows; sound comes out on the CPU.
            dtype: of the generators, see `Bundle.load`.
            mark: put a mark that cannot be heard into all sound, by which `dialogue-tts verify` finds out that it was made
                here; see docs/provenance.md.
            operator: a number from 0 to 255 that the mark carries: who runs this.

        Raises:
            SettingsError: this machine has no such device, or there is no such dtype or operator; before anything is loaded.
            BundleError: not found, damaged, or incomplete.
        """
        device, dtype = find_device(device), find_dtype(dtype)

        def load() -> DialogueTTS:
            return cls(Bundle.load(find_bundle(name), device, dtype), config, library, mark, operator)

        return run_in_worker_thread(load)

    @property
    def sample_rate(self) -> int:
        """Of all output, in Hz."""
        return SAMPLE_RATE_HZ

    @cached_property
    def bundle_id(self) -> BundleId:
        """Which bundle this is."""
        return BundleId(self.bundle.config.name, self.bundle.sha256)

    def lint(
        self,
        script: str | Draft,
        voices: Collection[str] | None = None,
        config: SynthesisConfig | None = None,
        directions: Treatment = "left_out",
    ) -> LintReport:
        """What is wrong in a script or may be, and how long it will take; it is not spoken, and nothing in it raises.

        Args:
            script: its text, or what was read of a document.
            voices: speakers who have a voice, or also which, as `synthesize` takes them: then each is read in its
                accent, and else all in American English. None where that is not known yet.
            directions: as in `parse_script`; of a text alone.

        Raises VoiceError for the file of a saved voice that cannot be read.
        """
        accents = self.accents(voices) if isinstance(voices, Mapping) else {}
        return lint(script, self._frontend, voices, checked_config(config, self.config), directions, accents)

    def expected_duration(self, script: str | Script, config: SynthesisConfig | None = None) -> float:
        """About how long a script's dialogue will be, in seconds. Raises ScriptError if it cannot be spoken."""
        return expected_s(as_script(script).turns, self._frontend, checked_config(config, self.config))

    def synthesize(
        self,
        script: str | Script,
        voices: Voices | None = None,
        seed: int = 0,
        config: SynthesisConfig | None = None,
        progress: TellProgress | None = None,
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
            ScriptError: the script cannot be spoken; VoiceError: a voice cannot serve; SettingsError: `seed` or `config` is of
                another kind. All before any work starts.
            Cancelled: `cancelled` said so.
        """
        request = self.plan.script(script, voices, seed, config)
        return self.scheduler.submit(request, patient=True).result(progress, cancelled)

    def stream(
        self,
        script: str | Script,
        voices: Voices | None = None,
        seed: int = 0,
        config: SynthesisConfig | None = None,
        progress: TellProgress | None = None,
        cancelled: Callable[[], bool] | None = None,
        revision: Revision | None = None,
    ) -> Stream:
        """Speak a script turn by turn: each is yielded as soon as it is made, while later ones are made in a thread.

        The other arguments and the sound are those of `synthesize`. Closing the stream stops the work; its `dialogue`
        is what has been spoken so far.

        Args:
            revision: what to keep of a dialogue made before. Only turns that it has no fitting take of are computed.

        Raises:
            ScriptError, VoiceError, SettingsError: at once, before any work starts; Cancelled: from the stream.
        """
        request = self.plan.script(script, voices, seed, config, revision)
        return Stream(self.scheduler.submit(request, streamed=True), progress, cancelled)

    async def asynthesize(
        self,
        script: str | Script,
        voices: Voices | None = None,
        seed: int = 0,
        config: SynthesisConfig | None = None,
        progress: TellProgress | None = None,
    ) -> Dialogue:
        """`synthesize` for programs that run on asyncio; whoever cancels the task that awaits it ends the work."""
        request = await asyncio.to_thread(self.plan.script, script, voices, seed, config)
        return await result(self.scheduler.submit(request, patient=True), progress)

    async def astream(
        self,
        script: str | Script,
        voices: Voices | None = None,
        seed: int = 0,
        config: SynthesisConfig | None = None,
        progress: TellProgress | None = None,
    ) -> AsyncStream:
        """`stream` for programs that run on asyncio: `async for chunk in await tts.astream(script)`."""
        request = await asyncio.to_thread(self.plan.script, script, voices, seed, config)
        return AsyncStream(self.scheduler.submit(request, streamed=True), progress)

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
        again = self.scheduler.submit(self.plan.redo(dialogue, index, seed, text)).result()
        return again.arranged(dialogue.mix, dialogue.sounds)

    def rebuild(
        self,
        project: str | Path | Project,
        voices: Voices | None = None,
        progress: TellProgress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Dialogue:
        """The dialogue of a project file, with all its takes, bit for bit on the same machine.

        Args:
            voices: speaker -> voice, where the project's is neither built in nor kept.

        Raises:
            ProjectError: the file cannot be read, or the bundle or a voice is not the one it was made with.
        """
        project = project if isinstance(project, Project) else Project.load(project)
        request = self.plan.project(project, voices or {})
        return project.arrange(self.scheduler.submit(request, patient=True).result(progress, cancelled))

    def open(self, path: str | Path, voices: Voices | None = None, progress: TellProgress | None = None) -> Dialogue:
        """The dialogue of a project in any form: of one file with its sound nothing is computed, as of no other it can be.

        The arguments and errors are those of `rebuild`.
        """
        if not is_archive(path):
            return self.rebuild(path, voices, progress)
        archive = load_archive(path)
        sources = archive.project.voices_from({**archive.voices, **(voices or {})}, self.known_voices)
        return archive.dialogue({who: self.voice(source) for who, source in sources.items()}, self.mark)
