"""The Wyoming protocol, with the package's own client, in the order in which Home Assistant sends its events."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

pytest.importorskip("wyoming")

from wyoming.audio import AudioChunk, AudioStart, AudioStop  # noqa: E402
from wyoming.client import AsyncTcpClient  # noqa: E402
from wyoming.error import Error  # noqa: E402
from wyoming.event import Event  # noqa: E402
from wyoming.info import Describe, Info  # noqa: E402
from wyoming.ping import Ping, Pong  # noqa: E402
from wyoming.tts import (  # noqa: E402
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

from dialogue_tts.audio.io import pcm16  # noqa: E402
from dialogue_tts.pipeline import DialogueTTS  # noqa: E402
from dialogue_tts.script.prose import whole_sentences  # noqa: E402
from dialogue_tts.script.turns import Script, Turn  # noqa: E402
from dialogue_tts.server import wyoming  # noqa: E402
from dialogue_tts.server.app import create_app  # noqa: E402
from dialogue_tts.server.limits import Limits  # noqa: E402
from dialogue_tts.server.sending import SILENCE_S  # noqa: E402
from dialogue_tts.settings import SynthesisConfig  # noqa: E402
from dialogue_tts.voices.library import VoiceLibrary  # noqa: E402

LOW = SynthesizeVoice(name="low")


@pytest.fixture(scope="module")
def tts(tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> DialogueTTS:
    library = VoiceLibrary(tmp_path_factory.mktemp("wyoming") / "voices")
    return DialogueTTS.from_pretrained(tiny_bundle_dir, SynthesisConfig(takes=1, sound_takes=1), library)


@asynccontextmanager
async def served(tts: DialogueTTS, limits: Limits | None = None) -> AsyncIterator[Callable[[], AsyncTcpClient]]:
    """Yields what makes clients."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        app = create_app(tts, limits, wyoming=listener)
        async with app.router.lifespan_context(app):
            yield lambda: AsyncTcpClient("127.0.0.1", port)


def run(work: Callable[[Callable[[], AsyncTcpClient]], Awaitable[None]], tts: DialogueTTS, **limits: int) -> None:
    async def whole() -> None:
        async with served(tts, Limits(**limits)) as connect:
            await asyncio.wait_for(work(connect), 120)

    asyncio.run(whole())


async def sound(client: AsyncTcpClient, last: str) -> bytes:
    """The samples up to an event, which come as 16 bits at 24 kHz in one stretch."""
    event = await client.read_event()
    assert event and AudioStart.is_type(event.type)
    assert (event.data["rate"], event.data["width"], event.data["channels"]) == (24_000, 2, 1)
    data, stopped = b"", False
    while (event := await client.read_event()) and event.type != last:
        if AudioChunk.is_type(event.type):
            assert not stopped
            data += AudioChunk.from_event(event).audio
        stopped = stopped or AudioStop.is_type(event.type)
    assert event and (stopped or last == "audio-stop")
    return data


def spoken(tts: DialogueTTS, *turns: str) -> bytes:
    """What the library makes of each as a dialogue of its own."""
    scripts = [Script((Turn("low", text),)) for text in turns]
    return b"".join(pcm16(tts.synthesize(script, {"low": "low"}).waveform) for script in scripts)


def test_home_assistant_lists_voices(tts: DialogueTTS) -> None:
    """home-assistant/core: homeassistant/components/wyoming/tts.py, WyomingTtsProvider.__init__."""

    async def work(connect: Callable[[], AsyncTcpClient]) -> None:
        async with connect() as client:
            await client.write_event(Describe().event())
            event = await client.read_event()
            assert event
            program = next(tts for tts in Info.from_event(event).tts if tts.installed)
            assert program.supports_synthesize_streaming and program.version
            listed = {voice.name: voice.description for voice in program.voices if voice.installed}
            assert listed == {"low": "low (a low tone)", "high": "high (a high tone)"}
            assert {language for voice in program.voices for language in voice.languages} == {"en"}
            await client.write_event(Ping(text="here?").event())
            assert (event := await client.read_event()) and Pong.from_event(event).text == "here?"

    run(work, tts)


def test_home_assistant_speaks_a_message(tts: DialogueTTS) -> None:
    """The same file: async_get_tts_audio."""

    async def work(connect: Callable[[], AsyncTcpClient]) -> None:
        async with connect() as client:
            await client.write_event(Synthesize(text="The **door** is open [1].", voice=LOW).event())
            assert await sound(client, "audio-stop") == marked
            await client.write_event(Synthesize(text="The door is open.", voice=None).event())  # the first voice
            assert await sound(client, "audio-stop") == wanted
            await client.write_event(Synthesize(text="😀", voice=LOW).event())
            assert await sound(client, "audio-stop") == bytes(2 * round(SILENCE_S * 24_000))

    marked, wanted = spoken(tts, "The **door** is open."), spoken(tts, "The door is open.")
    run(work, tts)


def test_home_assistant_streams_a_reply(tts: DialogueTTS) -> None:
    """As its assistants do since 2025.7: the text in pieces, then once more as a whole, for servers that know no pieces."""

    async def work(connect: Callable[[], AsyncTcpClient]) -> None:
        async with connect() as client:
            await client.write_event(SynthesizeStart(voice=LOW).event())
            for piece in ("It is ", "late. You", " should sle", "ep"):
                await client.write_event(SynthesizeChunk(text=piece).event())
                if "You" in piece:  # the first sentence is said before the second is there
                    event = await client.read_event()
                    assert event and AudioStart.is_type(event.type)
                    event = await client.read_event()
                    assert event and AudioChunk.is_type(event.type)
                    first = AudioChunk.from_event(event).audio
            await client.write_event(Synthesize(text="It is late. You should sleep", voice=LOW).event())
            await client.write_event(SynthesizeStop().event())
            data = first
            while (event := await client.read_event()) and not SynthesizeStopped.is_type(event.type):
                data += AudioChunk.from_event(event).audio if AudioChunk.is_type(event.type) else b""
            assert event and data == wanted

    wanted = spoken(tts, "It is late.", "You should sleep")
    run(work, tts)


def test_clients_do_not_hear_each_other(tts: DialogueTTS) -> None:
    texts = [f"This is number {number}." for number in ("one", "two", "three", "four")]
    wanted = [spoken(tts, text) for text in texts]

    async def ask(connect: Callable[[], AsyncTcpClient], text: str) -> bytes:
        async with connect() as client:
            await client.write_event(Synthesize(text=text, voice=LOW).event())
            return await sound(client, "audio-stop")

    async def work(connect: Callable[[], AsyncTcpClient]) -> None:
        async with connect() as gone:
            await gone.write_event(Synthesize(text="I will be gone. " * 50, voice=LOW).event())
            await gone.read_event()
        assert await asyncio.gather(*(ask(connect, text) for text in texts)) == wanted

    run(work, tts)
    assert len({len(data) for data in wanted}) > 1 or len(set(wanted)) == 4


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (Synthesize(text="Hi.", voice=SynthesizeVoice(name="nobody")).event(), "'nobody': there is no such voice"),
        (Synthesize(text="おはよう").event(), "cannot be spoken"),
        (Synthesize(text="Hi there. " * 20).event(), "more than 100 characters"),
        (Event("synthesize", {"text": 5}), "lacks something, or has it in another form"),
        (Event("synthesize", {}), "lacks something"),
        (Event("synthesize", {"text": "Hi.", "voice": 5}), "lacks something"),
    ],
)
def test_what_cannot_be_spoken_is_an_error_and_the_end(event: Event, says: str, tts: DialogueTTS) -> None:
    async def work(connect: Callable[[], AsyncTcpClient]) -> None:
        async with connect() as client:
            await client.write_event(event)
            answer = await client.read_event()
            if answer and AudioStart.is_type(answer.type):
                answer = await client.read_event()
            assert answer and says in Error.from_event(answer).text
            assert await client.read_event() is None

    run(work, tts, script_characters=100)


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense\n",
        b"[]\n",
        b"{}\n",
        b'{"type": "describe", "data_length": 9999999999}\n',
        b'{"type": "describe", "payload_length": "x"}\n',
        b"[" * 60_000 + b"\n",
        b"x" * 1_000_000,
        b"\xff\xfe\n",
    ],
)
def test_what_is_no_event_ends_the_connection_and_no_more(line: bytes, tts: DialogueTTS) -> None:
    async def work(connect: Callable[[], AsyncTcpClient]) -> None:
        with suppress(ConnectionError):  # it goes while there is more to read
            async with connect() as client:
                assert client._writer
                client._writer.write(line)
                event = await client.read_event()
                assert event is None or Error.is_type(event.type)
        async with connect() as client:
            await client.write_event(Describe().event())
            assert (event := await client.read_event()) and Info.from_event(event).tts

    run(work, tts)


def test_unknown_events_are_left_out(tts: DialogueTTS) -> None:
    async def work(connect: Callable[[], AsyncTcpClient]) -> None:
        async with connect() as client:
            for name in ("transcribe", "synthesize-stop", "something"):
                await client.write_event(Event(name, {"x": 1}))
            await client.write_event(SynthesizeChunk(text="Lost.").event())
            await client.write_event(Ping().event())
            assert (event := await client.read_event()) and Pong.is_type(event.type)

    run(work, tts)


def test_a_text_in_the_middle_of_another_is_an_error_and_the_end(tts: DialogueTTS) -> None:
    async def work(connect: Callable[[], AsyncTcpClient]) -> None:
        async with connect() as client:
            await client.write_event(SynthesizeStart(voice=LOW).event())
            await client.write_event(SynthesizeStart(voice=LOW).event())
            event = await client.read_event()
            if event and AudioStart.is_type(event.type):
                event = await client.read_event()
            assert event and "send synthesize-stop first" in Error.from_event(event).text
            assert await client.read_event() is None

    run(work, tts)


def test_who_begins_a_text_and_falls_silent_is_let_go(tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(connect: Callable[[], AsyncTcpClient]) -> None:
        async with connect() as client:
            await client.write_event(SynthesizeStart(voice=LOW).event())
            event = await client.read_event()
            assert event and AudioStart.is_type(event.type)
            assert await client.read_event() is None

    monkeypatch.setattr(wyoming, "IDLE_S", 0.5)
    run(work, tts)


def test_a_text_in_small_pieces_is_not_gone_through_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = 0

    def counted(text: str) -> tuple[str, str]:
        nonlocal looked_at
        looked_at += len(text)
        return whole_sentences(text)

    def said(pieces: Iterable[str]) -> str:
        utterance = wyoming._Utterance("low", True, 50_000)
        for piece in pieces:
            utterance.add(piece)
        utterance.finish()
        passages = [utterance.said.get_nowait() for _ in range(utterance.said.qsize())]
        assert passages.pop() is None
        return " ".join(map(str, passages))

    monkeypatch.setattr(wyoming, "whole_sentences", counted)
    text = "One. Two! " + "and so on " * 4_000 + "in the end. It was late"
    assert said(text) == said([text]) == text
    assert looked_at < 1_000 * len(text)
