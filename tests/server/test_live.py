"""A server on a real socket: OpenAI's client, clients that go away or fall asleep, many at once."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import openai
import pytest
import soundfile
import uvicorn
from fastapi import FastAPI

from dialogue_tts.audio.io import pcm16
from dialogue_tts.dialogue.result import Take
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.server.app import create_app
from dialogue_tts.server.guard import Access
from dialogue_tts.server.limits import Limits
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.synthesis import scheduler
from dialogue_tts.synthesis.synthesizer import DrawnTake

KEY = "a-key-for-the-tests"
HTTP = httpx.Client(timeout=60)
LONG = "\n".join(f"[{'AB'[n % 2]}] This is line number {n}, and it goes on for quite a while." for n in range(200))


@contextmanager
def serving(app: FastAPI, unsent_bytes: int | None = None) -> Iterator[str]:
    """The application on a free port of this machine; yields its address. For a client who does not read, the machine keeps
    about so many bytes, or as many as it likes."""
    listening = socket.create_server(("127.0.0.1", 0))
    if unsent_bytes is not None:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, unsent_bytes)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(60)
    assert not thread.is_alive()


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def tts(tiny_tts: DialogueTTS) -> DialogueTTS:
    """Draws nothing twice: random networks never read back well."""
    return DialogueTTS(tiny_tts.bundle, SynthesisConfig(takes=1, sound_takes=1))


@pytest.fixture(scope="module")
def address(tts: DialogueTTS) -> Iterator[str]:
    with serving(create_app(tts, access=Access((KEY,)))) as address:
        yield address


@pytest.fixture
def client(address: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0)


def active(address: str, key: str = KEY) -> int:
    text = HTTP.get(f"{address}/metrics", headers={"Authorization": f"Bearer {key}"}).text
    return int(float(text.split("\ndialogue_tts_active ")[1].split("\n")[0]))


def test_openais_client_speaks(client: openai.OpenAI, tmp_path: Path) -> None:
    assert [model.id for model in client.models.list()] == ["tiny"]
    whole = client.audio.speech.create(model="tts-1", voice="low", input="Good evening.", response_format="pcm").content
    assert len(whole) > 4000
    again = client.audio.speech.create(
        model="tiny", voice={"id": "low"}, input="Good evening.", response_format="pcm", speed=1.0
    )
    assert again.content == whole
    seeded = client.audio.speech.create(
        model="tiny", voice="low", input="Good evening.", response_format="pcm", extra_body={"seed": 4}
    )
    assert seeded.content != whole
    path = tmp_path / "speech.wav"
    with client.audio.speech.with_streaming_response.create(
        model="tiny", voice="low", input="Good evening.", response_format="wav"
    ) as response:
        response.stream_to_file(path)
    assert soundfile.read(path, dtype="int16")[0].tobytes() == whole


def test_openais_client_gets_its_errors(client: openai.OpenAI, address: str) -> None:
    with pytest.raises(openai.BadRequestError) as bad:
        client.audio.speech.create(model="tiny", voice="nobody", input="Hello.")
    assert bad.value.code == "bad_voice" and "there is no such voice" in bad.value.message
    with pytest.raises(openai.NotFoundError) as missing:
        client.audio.speech.create(model="whisper-1", voice="low", input="Hello.")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    stranger = openai.OpenAI(base_url=f"{address}/v1", api_key="another", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        stranger.models.list()


def test_openais_client_waits_and_comes_back(tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "LONGEST_RETRY_S", 1)
    app = create_app(tts, Limits(requests=1))
    with serving(app) as address:
        client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
        job = HTTP.post(f"{address}/v1/jobs", json={"script": LONG}).json()["id"]
        with pytest.raises(openai.RateLimitError) as busy:
            client.audio.speech.create(model="tiny", voice="low", input="Hello.")
        assert int(busy.value.response.headers["retry-after"]) >= 1
        threading.Timer(0.3, lambda: HTTP.delete(f"{address}/v1/jobs/{job}")).start()
        patient = client.with_options(max_retries=5)
        assert patient.audio.speech.create(model="tiny", voice="low", input="Hello.").content


def test_sound_comes_while_the_rest_is_made(address: str, client: openai.OpenAI) -> None:
    text = "Hello there. " + "It rained all the way to the harbour, and then it rained some more. " * 12
    began = time.monotonic()
    with client.audio.speech.with_streaming_response.create(
        model="tiny", voice="low", input=text, response_format="pcm"
    ) as response:
        pieces = response.iter_bytes()
        next(pieces)
        first = time.monotonic() - began
        assert active(address) == 1
        size = sum(map(len, pieces))
    assert first < (time.monotonic() - began) / 2 and size > 48_000 * 6


def test_two_clients_each_get_their_own(tts: DialogueTTS, address: str) -> None:
    def body(number: int) -> dict[str, object]:
        voice, other = ("low", "high") if number % 2 else ("high", "low")
        script = f"[Anna] I am number {number}. [Ben] You are number {number}? [Anna] So I said."
        return {"script": script, "voices": {"Anna": voice, "Ben": other}, "seed": number // 3, "format": "pcm"}

    def ask(number: int) -> str:
        headers = {"Authorization": f"Bearer {KEY}"}
        response = HTTP.post(f"{address}/v1/dialogue", json=body(number) | {"stream": number % 3 == 0}, headers=headers)
        assert response.status_code == 200
        return hashlib.sha256(response.content).hexdigest()

    together: dict[int, str] = {}
    with ThreadPoolExecutor(8) as pool:
        for number, found in zip(range(8), pool.map(ask, range(8)), strict=True):
            together[number] = found
    assert [ask(number) for number in range(8)] == list(together.values())
    assert len(set(together.values())) == 8
    given = body(7)
    alone = tts.synthesize(given["script"], given["voices"], given["seed"])  # type: ignore[arg-type]
    assert hashlib.sha256(pcm16(alone.waveform)).hexdigest() == together[7]


@pytest.mark.parametrize("route", ["/v1/dialogue", "/v1/audio/speech", "stream"])
def test_a_client_who_goes_away_ends_the_work(address: str, route: str) -> None:
    body = {"script": LONG, "stream": route == "stream", "format": "pcm"}
    if route == "/v1/audio/speech":
        body = {
            "model": "tiny",
            "voice": "low",
            "input": "It rained all the way to the harbour. " * 90,
            "response_format": "pcm",
        }
    path = "/v1/dialogue" if route == "stream" else route
    with httpx.Client(headers={"Authorization": f"Bearer {KEY}"}) as http:
        with pytest.raises(httpx.ReadTimeout):
            if route == "/v1/dialogue":
                http.post(address + path, json=body, timeout=0.3)
            else:
                with http.stream("POST", address + path, json=body) as response:
                    assert response.status_code == 200
                    pieces = response.iter_raw()  # closes the response when it goes
                    next(pieces)
                    assert active(address) == 1
                    raise httpx.ReadTimeout("enough")
    until(lambda: active(address) == 0)


def test_a_client_who_sleeps_blocks_nobody_and_is_dropped(tts: DialogueTTS) -> None:
    app = create_app(tts, Limits(unheard_s=5, stall_s=1.0, sound_s=3600))
    with serving(app, unsent_bytes=4096) as address, ExitStack() as stack:
        host, port = address.removeprefix("http://").split(":")
        body = httpx.Request("POST", address, json={"script": LONG, "stream": True, "format": "pcm"}).content
        head = f"POST /v1/dialogue HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        for _ in range(2):
            sleeper = stack.enter_context(socket.socket())
            sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sleeper.connect((host, int(port)))
            sleeper.sendall(head.encode() + b"\r\n\r\n" + body)
        until(lambda: active(address) == 2)
        answer = HTTP.post(f"{address}/v1/dialogue", json={"script": "[A] Hello. [B] Yes."})
        assert answer.status_code == 200
        until(lambda: active(address) == 0)
        made = HTTP.get(f"{address}/metrics").text.split("\ndialogue_tts_sound_seconds_total ")[1].split("\n")[0]
        assert float(made) < 2 * 40  # the whole would be 2 * 200 turns


def test_a_stream_that_fails_never_looks_whole(tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch) -> None:
    render = tts.synthesizer.render

    def fail(drawn: DrawnTake) -> Take:
        if "banana" in drawn.request.turn.text:
            raise ArithmeticError
        return render(drawn)

    monkeypatch.setattr(tts.synthesizer, "render", fail)
    body = {"script": "[A] Hello. [B] Yes. [A] A banana.", "stream": True, "format": "pcm"}
    with serving(create_app(tts)) as address:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            HTTP.post(f"{address}/v1/dialogue", json=body)
        told = HTTP.post(f"{address}/v1/dialogue", json=body | {"timestamps": True}).text
        assert told.count("event: turn") == 2 and "event: error" in told and "event: done" not in told
        speech = {"model": "tiny", "voice": "low", "input": "Hello. A banana.", "stream_format": "sse"}
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            HTTP.post(f"{address}/v1/audio/speech", json=speech)


def test_a_body_that_does_not_come_is_not_waited_for(tts: DialogueTTS) -> None:
    with serving(create_app(tts, Limits(body_s=0.3))) as address, socket.socket() as slow:
        host, port = address.removeprefix("http://").split(":")
        slow.connect((host, int(port)))
        head = "POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
        slow.sendall(head.encode())
        slow.settimeout(60)
        assert slow.recv(100).startswith(b"HTTP/1.1 408")


def test_shutdown_does_not_wait_for_long_dialogues(tts: DialogueTTS) -> None:
    began = time.monotonic()
    with serving(create_app(tts)) as address:
        HTTP.post(f"{address}/v1/jobs", json={"script": LONG})
        with HTTP.stream("POST", f"{address}/v1/dialogue", json={"script": LONG, "stream": True}) as response:
            pieces = response.iter_raw()
            next(pieces)
    assert time.monotonic() - began < 60  # the whole takes longer


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not there to judge")
@pytest.mark.parametrize("kind", ["mp3", "opus", "flac", "wav"])
def test_ffmpeg_understands_every_format(kind: str, client: openai.OpenAI, tmp_path: Path) -> None:
    text = "Hello there. It rained all the way to the harbour."
    whole = client.audio.speech.create(model="tiny", voice="low", input=text, response_format="pcm").content
    path = tmp_path / f"speech.{kind}"
    made = client.audio.speech.create(model="tiny", voice="low", input=text, response_format=kind)  # type: ignore[arg-type]
    made.write_to_file(path)
    command = ["ffmpeg", "-v", "info", "-i", path, "-f", "s16le", "-ar", "24000", "-ac", "1", "-"]
    heard = subprocess.run(command, capture_output=True, check=True)
    assert len(heard.stdout) == pytest.approx(len(whole), abs=6000)
    assert b"Synthetic speech, made by dialogue-tts" in heard.stderr
