"""An assistant's session by the Model Context Protocol, with the package's own client."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

pytest.importorskip("mcp")

from mcp import Client, StdioServerParameters, stdio_client  # noqa: E402
from mcp.shared.exceptions import MCPError  # noqa: E402

from dialogue_tts.audio.io import pcm16  # noqa: E402
from dialogue_tts.pipeline import DialogueTTS  # noqa: E402
from dialogue_tts.server.limits import Limits  # noqa: E402
from dialogue_tts.server.mcp import create_mcp_server  # noqa: E402
from dialogue_tts.settings import SynthesisConfig  # noqa: E402
from dialogue_tts.voices.library import VoiceLibrary  # noqa: E402

SCRIPT = "[Anna] Good evening. Tea?\n[Ben] Always."


@pytest.fixture(scope="module")
def tts(tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> DialogueTTS:
    library = VoiceLibrary(tmp_path_factory.mktemp("mcp") / "voices")
    return DialogueTTS.from_pretrained(tiny_bundle_dir, SynthesisConfig(takes=1, sound_takes=1), library)


def run(
    tts: DialogueTTS, folder: Path, work: Callable[[Client], Awaitable[None]], limits: Limits | None = None
) -> None:
    async def session() -> None:
        async with Client(create_mcp_server(tts, folder, limits)) as client:
            await asyncio.wait_for(work(client), 120)

    asyncio.run(session())


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(result.content[0].text)  # type: ignore[union-attr]


def test_from_a_script_to_a_file(tts: DialogueTTS, tmp_path: Path) -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def told(done: float, total: float | None, message: str | None) -> None:
        heard.append((done, total, message))

    async def work(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"check_script", "list_voices", "make_dialogue"}
        assert all(tool.description and tool.output_schema for tool in tools.values())
        wrong = await call(client, "check_script", script="[Anna] Hi.\n[Ben | speed 9] Ho.")
        errors = [found for found in wrong["findings"] if found["severity"] == "error"]
        assert [found["line"] for found in errors] == [2] and "speed" in errors[0]["message"]
        right = await call(client, "check_script", script=SCRIPT)
        assert right["speakers"] == ["Anna", "Ben"] and right["turns"] == 2 and right["duration_s"] > 0
        voices = (await call(client, "list_voices"))["result"]
        assert voices[0] == {"name": "low", "description": "a low tone"}
        wanted = {"script": SCRIPT, "name": "tea time", "voices": {"Ben": "low"}, "seed": 5, "format": "wav"}
        result = await client.call_tool("make_dialogue", wanted, progress_callback=told)
        made = result.structured_content
        assert made and not result.is_error
        whole = tts.synthesize(SCRIPT, {"Ben": "low"}, 5)
        assert made["file"] == str(tmp_path / "out" / "tea time.wav")
        assert pcm16(soundfile.read(made["file"], dtype="float32")[0]) == pcm16(whole.waveform)
        assert made["voices"]["Ben"] == "low" and made["seed"] == 5 and made["provenance"] == whole.provenance
        assert [(turn["number"], turn["speaker"]) for turn in made["turns"]] == [(1, "Anna"), (2, "Ben")]
        assert made["findings"] == []
        read = await client.read_resource(made["uri"].replace(" ", "%20"))
        data = base64.b64decode(read.contents[0].blob)  # type: ignore[union-attr]
        assert data == Path(made["file"]).read_bytes() and soundfile.info(io.BytesIO(data)).samplerate == 24_000

    run(tts, tmp_path / "out", work)
    assert [(done, total) for done, total, _ in heard] == [(1, 2), (2, 2)] and heard[-1][2] == "turn 2 of 2"


def test_what_an_assistant_gets_wrong_is_told(tts: DialogueTTS, tmp_path: Path) -> None:
    async def work(client: Client) -> None:
        make = "make_dialogue"
        assert "line 1:" in await refused(client, make, script="[Anna | speed 9] Hi.", name="a")
        for name in ("../a", "/etc/passwd", "", ".a", "a" * 65, "a\n"):
            assert "cannot be a file's name" in await refused(client, make, script="[A] Hi.", name=name)
        for voice in ("nobody", "/etc/passwd", "../low"):
            told = await refused(client, make, script="[A] Hi.", name="a", voices={"A": voice})
            assert "there is no such voice; there are low, high" in told
        assert "Ben" in await refused(client, make, script="[A] Hi.", name="a", voices={"Ben": "low"})
        assert "at most 60 are taken" in await refused(client, make, script="[A] Hi." * 20, name="a")
        assert "at most 60 are taken" in await refused(client, "check_script", script="[A] Hi." * 20)
        assert "make it in parts" in await refused(client, make, script="[A] " + "word " * 10, name="a")
        assert "format" in await refused(client, make, script="[A] Hi.", name="a", format="exe")
        assert not folder.exists()
        made = await call(client, make, script="[A] Hi. (laughs)", name="a")
        assert made["findings"] == [
            {"line": 1, "severity": "note", "message": '"(laughs)" is a stage direction: left out'}
        ]
        assert "is there already" in await refused(client, make, script="[A] Hi.", name="a")
        for uri in ("dialogue-tts://files/b.mp3", "dialogue-tts://files/..%2Fa.mp3", "file:///etc/passwd"):
            with pytest.raises(MCPError):
                await client.read_resource(uri)

    folder = tmp_path / "out"
    run(tts, folder, work, Limits(script_characters=60, sound_s=2))
    assert [path.name for path in folder.iterdir()] == ["a.mp3"]


def test_of_two_with_one_name_only_one_is_made(tts: DialogueTTS, tmp_path: Path) -> None:
    async def work(client: Client) -> None:
        both = [{"script": f"[A] {word}.", "name": "a"} for word in ("Yes", "No")]
        results = await asyncio.gather(*(client.call_tool("make_dialogue", wanted) for wanted in both))
        refused_one, made_one = sorted(results, key=lambda result: not result.is_error)
        assert "a.mp3 is being made; take another name" in str(refused_one.content[0])
        assert made_one.structured_content and made_one.structured_content["file"] == str(folder / "a.mp3")
        assert "Ben" in await refused(client, "make_dialogue", script="[A] Hi.", name="b", voices={"Ben": "low"})
        await call(client, "make_dialogue", script="[A] Hi.", name="b")  # what failed gives its name back

    folder = tmp_path / "out"
    run(tts, folder, work)


def test_the_command_speaks_over_standard_input_and_output(tiny_bundle_dir: Path, tmp_path: Path) -> None:
    command = ["-m", "dialogue_tts", "mcp", "--bundle", str(tiny_bundle_dir), "--out", str(tmp_path / "out")]

    async def session() -> None:
        started = StdioServerParameters(command=sys.executable, args=command)
        # The first request of the automatic mode waits ten seconds at most, less than a busy machine takes to start.
        async with Client(stdio_client(started), mode="legacy") as client:
            made = await call(client, "make_dialogue", script="[A] Hi.", name="hello")
            assert Path(made["file"]).stat().st_size > 500 and json.dumps(made)

    asyncio.run(asyncio.wait_for(session(), 120))
