"""The Model Context Protocol: tools by which an assistant checks a script, has it spoken, and hands over the file.

See https://modelcontextprotocol.io. Files are written to one folder; an assistant names them, but never a path.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import anyio
from anyio.from_thread import run as run_on_loop
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from pydantic import BaseModel

from dialogue_tts.errors import DialogueTTSError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.script.findings import Finding
from dialogue_tts.server.limits import Limits

Ending = Literal["mp3", "wav", "flac", "ogg", "opus"]
INSTRUCTIONS = """Makes spoken dialogues of scripts. A script names its speakers in brackets or by labels, a turn a line:
[Anna] Good evening. Tea?
[Ben] Always.
Call check_script first and mend what it finds, then make_dialogue. Speakers without a voice get different built-in ones."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9_-])?")


class ScriptFinding(BaseModel):
    """What is wrong in a script, or may be."""

    line: int
    severity: str
    message: str


class Checked(BaseModel):
    """A script, looked at."""

    findings: list[ScriptFinding]
    speakers: list[str]
    turns: int
    duration_s: float
    work_s: float


class VoiceAnswer(BaseModel):
    """A voice, by the name that speakers are given it by."""

    name: str
    description: str


class MadeTurn(BaseModel):
    """A turn as it is heard, in seconds."""

    number: int
    speaker: str
    text: str
    start_s: float
    end_s: float
    doubts: list[str]


class DialogueAnswer(BaseModel):
    """A dialogue in a file. `uri` is the resource that holds the same."""

    file: str
    uri: str
    duration_s: float
    seed: int
    voices: dict[str, str]
    turns: list[MadeTurn]
    findings: list[ScriptFinding]
    provenance: str


def _findings(findings: Iterable[Finding]) -> list[ScriptFinding]:
    return [ScriptFinding(line=f.line, severity=f.severity, message=f.message) for f in findings]


class _Studio:
    """What the tools share."""

    def __init__(self, tts: DialogueTTS, folder: Path, limits: Limits) -> None:
        self.tts, self.limits = tts, limits
        self._folder = folder
        self._made: dict[str, Path] = {}
        self._being_made: set[Path] = set()

    def check(self, script: str) -> Checked:
        """Nothing in a script raises, but its length. Raises ToolError."""
        self._check_length(script)
        found = self.tts.lint(script)
        return Checked(
            findings=_findings(found.findings),
            speakers=list(found.speakers),
            turns=found.turns,
            duration_s=round(found.duration_s, 1),
            work_s=round(found.work_s, 1),
        )

    def voices(self) -> list[VoiceAnswer]:
        """Built-in ones, then those that are kept on this machine."""
        built_in = [VoiceAnswer(name=v.name, description=v.description) for v in self.tts.bundle.voices.values()]
        return built_in + [VoiceAnswer(name=name, description="kept here") for name in self.tts.library.names()]

    def make(
        self,
        script: str,
        voices: dict[str, str],
        seed: int,
        path: Path,
        progress: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> DialogueAnswer:
        """Speak a script into a file. Raises ToolError, DialogueTTSError."""
        self._check_length(script)
        known = [voice.name for voice in self.voices()]
        for name in voices.values():  # never the path of a file
            if name not in known:
                raise ToolError(f"{name!r}: there is no such voice; there are {', '.join(known)}.")
        expected_s = self.tts.expected_duration(script)
        if expected_s > self.limits.sound_s:
            told = f"the dialogue would be about {expected_s:.0f} s long; {self.limits.sound_s:g} s are the limit here"
            raise ToolError(f"{told}: make it in parts.")
        dialogue = self.tts.synthesize(script, dict(voices), seed, progress=progress, cancelled=cancelled)
        self._folder.mkdir(parents=True, exist_ok=True)
        dialogue.save(path)
        self._made[path.name] = path
        return DialogueAnswer(
            file=str(path),
            uri=f"dialogue-tts://files/{path.name}",
            duration_s=round(dialogue.duration, 2),
            seed=dialogue.seed,
            voices={speaker: voice.name for speaker, voice in dialogue.voices.items()},
            turns=[
                MadeTurn(
                    number=turn.index + 1,
                    speaker=turn.speaker,
                    text=turn.text,
                    start_s=round(turn.start, 2),
                    end_s=round(turn.end, 2),
                    doubts=list(part.take.doubts(dialogue.config)),
                )
                for turn, part in zip(dialogue.turns, dialogue.turn_takes, strict=True)
            ],
            findings=_findings(dialogue.findings),
            provenance=dialogue.provenance,
        )

    @contextmanager
    def place(self, name: str, ending: Ending) -> Iterator[Path]:
        """Where a new file goes, which nobody else gets meanwhile. Raises ToolError for a name that is none, or taken."""
        if not _NAME.fullmatch(name):
            raise ToolError(f"{name!r} cannot be a file's name; take letters, digits, spaces, - and _, at most 64.")
        path = self._folder / f"{name}.{ending}"
        if path.exists():
            raise ToolError(f"{path.name} is there already; take another name.")
        if path in self._being_made:
            raise ToolError(f"{path.name} is being made; take another name.")
        self._being_made.add(path)
        try:
            yield path
        finally:
            self._being_made.remove(path)

    def read(self, name: str) -> bytes:
        """A file that was made in this session. Raises ResourceError."""
        if name not in self._made:
            raise ResourceError(f"no file {name!r} was made here; make_dialogue tells the names.")
        return self._made[name].read_bytes()

    def _check_length(self, script: str) -> None:
        most = self.limits.script_characters
        if len(script) > most:
            raise ToolError(f"the script has {len(script)} characters, at most {most} are taken; make it in parts.")


def create_mcp_server(tts: DialogueTTS, folder: Path, limits: Limits | None = None) -> MCPServer[Any]:
    """Tools around a pipeline; files go to `folder`, which is made when the first one is."""
    studio = _Studio(tts, folder, limits or Limits())
    server: MCPServer[Any] = MCPServer("dialogue-tts", instructions=INSTRUCTIONS)
    one_at_a_time = anyio.CapacityLimiter(1)

    @server.tool()
    async def check_script(script: str) -> Checked:
        """What is wrong in a script or may be, who speaks, and how long it will be; nothing is spoken."""
        return await anyio.to_thread.run_sync(studio.check, script)

    @server.tool()
    async def list_voices() -> list[VoiceAnswer]:
        """Voices that speakers can be given."""
        return await anyio.to_thread.run_sync(studio.voices)

    @server.tool()
    async def make_dialogue(
        script: str,
        name: str,
        ctx: Context[Any, Any],
        voices: dict[str, str] | None = None,
        seed: int = 0,
        format: Ending = "mp3",
    ) -> DialogueAnswer:
        """Speak a script into a sound file, and say where it is.

        Args:
            script: turns such as "[Anna] Good evening." or "Anna: Good evening.", one a line.
            name: of the file, without an ending.
            voices: speaker to voice, as list_voices names them.
            seed: the same script, voices and seed give the same sound; another gives another take.
        """
        stop = threading.Event()

        def told(done: int, turns: int) -> None:
            run_on_loop(partial(ctx.report_progress, done, turns, f"turn {done} of {turns}"))

        try:
            with studio.place(name, format) as path:
                work = partial(studio.make, script, voices or {}, seed, path, told, stop.is_set)
                return await anyio.to_thread.run_sync(work, limiter=one_at_a_time, abandon_on_cancel=True)
        except DialogueTTSError as error:
            raise ToolError(str(error)) from None
        finally:
            stop.set()

    @server.resource("dialogue-tts://files/{name}", mime_type="application/octet-stream")
    async def file(name: str) -> bytes:
        """A sound file that make_dialogue has made."""
        return await anyio.to_thread.run_sync(studio.read, name)

    return server
