"""Programs that people have already, each with the requests that its own code makes: the file is named where they stand.

The official Python client is used itself, here and in test_live.py.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
import soundfile
from fastapi.testclient import TestClient

from dialogue_tts.bundle import BuiltInVoice
from dialogue_tts.errors import SettingsError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.server.app import create_app
from dialogue_tts.server.clients import OPENAI_VOICES, Clients, check_aliases, openai_aliases, read_aliases
from dialogue_tts.server.guard import Access
from dialogue_tts.server.limits import Limits
from dialogue_tts.server.sending import SILENCE_S
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.voices.library import VoiceLibrary

KEY = "a-key-for-the-tests"
RATE_HZ = 24_000
REPLY = "**Sure!** See [1] and [the docs](https://x.org):\n\n- one 😀\n- `two`\n"  # what chat programs send all day


@pytest.fixture(scope="module")
def tts(tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> DialogueTTS:
    library = VoiceLibrary(tmp_path_factory.mktemp("clients") / "voices")
    return DialogueTTS.from_pretrained(tiny_bundle_dir, SynthesisConfig(takes=1, sound_takes=1), library)


@pytest.fixture(scope="module")
def client(tts: DialogueTTS) -> Iterator[TestClient]:
    with TestClient(create_app(tts)) as client:
        yield client


@pytest.fixture(scope="module")
def guarded(tts: DialogueTTS) -> Iterator[TestClient]:
    """With keys, with lists that need none, and with instructions ignored."""
    clients = Clients({"alloy": "high"}, "ignore")
    with TestClient(create_app(tts, access=Access((KEY,), open_lists=True), clients=clients)) as client:
        yield client


def heard(response: httpx.Response, kind: str = "mp3") -> np.ndarray:
    assert response.status_code == 200, response.text[:300]
    with soundfile.SoundFile(io.BytesIO(response.content)) as file:
        assert (file.format, file.samplerate) == ({"mp3": "MP3", "wav": "WAV", "opus": "OGG"}[kind], RATE_HZ)
        found: np.ndarray = file.read()
    assert len(found) > 2000
    return found


def test_open_webui(guarded: TestClient) -> None:
    """open-webui/open-webui: backend/open_webui/routers/audio.py, get_available_models, get_available_voices, speech."""
    voices = guarded.get("/v1/audio/voices").raise_for_status().json()
    menu = {voice["id"]: voice["name"] for voice in voices.get("voices", [])}
    assert menu == {"low": "low", "high": "high", "alloy": "alloy (high)"}
    models = guarded.get("/v1/audio/models").raise_for_status().json().get("models", [])
    assert [model["id"] for model in models] == ["tiny"]
    payload = {"input": REPLY, "voice": "alloy", "model": "tts-1"}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}", "X-OpenWebUI-User-Name": "Ann"}
    response = guarded.post("/v1/audio/speech", json=payload, headers=headers)
    heard(response)
    assert response.headers["x-notice"] == "voice alloy is high"
    refused = guarded.post("/v1/audio/speech", json=payload)
    assert refused.status_code == 401 and "message" in refused.json()["error"]  # which it shows


@pytest.mark.parametrize("voice", ["alloy", "echo", "fable", "onyx", "nova", "shimmer"])
def test_sillytavern(voice: str, client: TestClient) -> None:
    """SillyTavern/SillyTavern: public/scripts/extensions/tts/openai-compatible.js, its default settings."""
    body = {
        "input": '"Hello," she said *softly*.',
        "response_format": "mp3",
        "voice": voice,
        "speed": 1,
        "model": "tts-1",
    }
    heard(client.post("/v1/audio/speech", json=body))


def test_home_assistant_openai_tts(guarded: TestClient) -> None:
    """sfortis/openai_tts: custom_components/openai_tts/openaitts_engine.py, voice_listing.py."""
    headers = {"Authorization": f"Bearer {KEY}", "User-Agent": "HomeAssistant-OpenAI-TTS"}
    listed = guarded.get("/v1/audio/voices?limit=100", headers=headers).json()
    items = listed.get("items") or listed.get("data") or listed.get("voices")
    assert [(item["id"], item["name"]) for item in items][:2] == [("low", "low"), ("high", "high")]
    body = {"model": "tts-1", "input": "The door is open.", "voice": "low", "response_format": "opus", "speed": 1.0}
    body["instructions"] = "Be cheerful."
    response = guarded.post("/v1/audio/speech", json=body | {"seed": 3}, headers=headers)  # seed: its extra payload
    heard(response, "opus")
    assert response.headers["content-type"] == "audio/ogg"
    assert response.headers["x-notice"] == "instructions are ignored"


def test_librechat(client: TestClient) -> None:
    """danny-avila/LibreChat: api/server/services/Files/Audio/TTSService.js, openAIProvider."""
    headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}
    body = {"input": REPLY, "model": "tts-1", "voice": "nova"}
    heard(client.post("/v1/audio/speech", content=json.dumps(body), headers=headers))


def openai_client(client: TestClient) -> openai.OpenAI:
    """The official client on the application itself."""
    return openai.OpenAI(base_url="http://testserver/v1", api_key=KEY, http_client=client, max_retries=0)


def test_anythingllm_and_the_official_node_client(client: TestClient) -> None:
    """Mintplex-Labs/anything-llm: server/utils/TextToSpeech/openAiGeneric/index.js, with the headers of
    openai/openai-node: src/resources/audio/speech.ts."""
    headers = {"Accept": "application/octet-stream", "Authorization": "Bearer null", "X-Stainless-Lang": "js"}
    body = {"model": "tts-1", "voice": "alloy", "input": REPLY}
    heard(client.post("/v1/audio/speech", json=body, headers=headers))


@pytest.mark.parametrize("voice", OPENAI_VOICES)
def test_pipecat(voice: str, guarded: TestClient, client: TestClient) -> None:
    """pipecat-ai/pipecat: src/pipecat/services/openai/tts.py, run_tts; its voices are OpenAI's alone."""
    wanted = {"input": "Hi.", "model": "gpt-4o-mini-tts", "voice": voice, "response_format": "pcm", "speed": 1.0}
    with openai_client(client).audio.speech.with_streaming_response.create(**wanted) as response:
        assert response.status_code == 200
        sound = b"".join(response.iter_bytes(1024))
    assert len(sound) > 4000 and len(sound) % 2 == 0  # 16 bits at 24 kHz, no header
    if voice == "alloy":
        wanted["instructions"] = "Be brief."
        assert openai_client(guarded).audio.speech.create(**wanted).read()
        with pytest.raises(openai.BadRequestError, match="does not follow instructions"):
            openai_client(client).audio.speech.create(**wanted)


def test_livekit_agents(client: TestClient) -> None:
    """livekit/agents: livekit-plugins/livekit-plugins-openai/livekit/plugins/openai/tts.py, ChunkedStream._run."""
    headers = {"Authorization": f"Bearer {KEY}"}
    body = {"input": "Hi there.", "model": "tts-1", "voice": "alloy", "response_format": "mp3"}
    heard(client.post("/v1/audio/speech", json=body, headers=headers))


def test_the_official_python_client_lists_models(client: TestClient) -> None:
    known = openai_client(client)
    assert [model.id for model in known.models.list()] == ["tiny"]
    for name in ("tiny", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1-1106"):
        assert known.models.retrieve(name).id == name
    with pytest.raises(openai.NotFoundError, match="there is no model 'gpt-5'"):
        known.models.retrieve("gpt-5")


def test_aac_is_what_a_player_expects(client: TestClient) -> None:
    av = pytest.importorskip("av")
    wanted = {"model": "gpt-4o-mini-tts-2025-12-15", "voice": "Low", "input": "Hi there."}
    response = client.post("/v1/audio/speech", json=wanted | {"response_format": "aac"})
    assert response.headers["content-type"] == "audio/aac"
    with av.open(io.BytesIO(response.content)) as file:
        assert file.format.name == "aac" and file.streams.audio[0].rate == RATE_HZ
        length = sum(frame.samples for frame in file.decode(audio=0))
    pcm = client.post("/v1/audio/speech", json=wanted | {"response_format": "pcm"}).content
    assert length == pytest.approx(len(pcm) // 2, abs=3 * 1024)


@pytest.mark.parametrize("kind", ["mp3", "wav", "pcm"])
@pytest.mark.parametrize("text", ["😀🎉", "... !", "[1]"])
def test_nothing_to_say_is_a_short_silence_and_is_told(text: str, kind: str, client: TestClient) -> None:
    body = {"model": "tts-1", "voice": "low", "input": text, "response_format": kind}
    response = client.post("/v1/audio/speech", json=body)
    assert "the input has nothing to say" in response.headers["x-notice"]
    if kind == "pcm":
        assert response.content == bytes(2 * round(SILENCE_S * RATE_HZ))
    else:
        assert np.abs(heard(response, kind)).max() < 1e-4
    events = client.post("/v1/audio/speech", json=body | {"stream_format": "sse"}).text
    assert "speech.audio.delta" in events and '"total_tokens": 0' in events
    assert client.post("/v1/audio/speech", json=body | {"voice": "nobody"}).status_code == 400


def test_aliases_are_other_names_of_voices() -> None:
    voices = [
        BuiltInVoice(n, Path(n), d, "") for n, d in (("ann", "woman, warm"), ("ben", "man"), ("Nova", "old woman"))
    ]
    usual = openai_aliases(voices)
    assert set(usual) == set(OPENAI_VOICES) - {"nova"}
    assert {usual["alloy"], usual["coral"]} == {"ann", "Nova"} and usual["ash"] == usual["onyx"] == "ben"
    assert openai_aliases([]) == {}
    assert read_aliases(["Alloy = ann", "x=Nova"]) == {"alloy": "ann", "x": "Nova"}
    check_aliases({"alloy": "ann"}, ("ann", "ben"))
    for given in ("alloy", "=ann", "alloy=", ""):
        with pytest.raises(SettingsError, match="is no alias; write it as alias=voice"):
            read_aliases([given])
    with pytest.raises(SettingsError, match="there is no voice 'cleo'; there are ann, ben"):
        check_aliases({"alloy": "cleo"}, ("ann", "ben"))
    with pytest.raises(SettingsError, match="a voice has that name itself"):
        check_aliases({"ben": "ann"}, ("ann", "Ben"))


def test_a_voice_goes_before_an_alias_and_case_does_not_count(guarded: TestClient) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    sound = {}
    for name in ("high", "HIGH", "Alloy", "low"):
        body = {"script": "[A] Hi.", "voices": {"A": name}, "format": "pcm"}
        sound[name] = guarded.post("/v1/dialogue", json=body, headers=headers).raise_for_status().content
    assert sound["high"] == sound["HIGH"] == sound["Alloy"] != sound["low"]
    unknown = guarded.post("/v1/dialogue", json={"script": "[A] Hi.", "voices": {"A": "echo"}}, headers=headers)
    assert unknown.status_code == 400 and "'echo': there is no such voice" in unknown.text


def test_only_lists_are_open_and_only_if_asked_for(guarded: TestClient, tts: DialogueTTS) -> None:
    for path in ("/v1/audio/voices", "/v1/audio/models", "/v1/models"):
        assert guarded.get(path).status_code == guarded.head(path).status_code == 200
    for method, path in (
        ("POST", "/v1/audio/voices"),
        ("DELETE", "/v1/audio/voices/low"),
        ("GET", "/v1/audio/voices/"),
        ("POST", "/v1/audio/speech"),
        ("GET", "/v1/models/tiny"),
        ("GET", "/version"),
        ("GET", "/metrics"),
    ):
        assert guarded.request(method, path).status_code == 401, path
    with TestClient(create_app(tts, access=Access((KEY,)))) as closed:
        assert closed.get("/v1/audio/voices").status_code == 401


def test_the_way_in(client: TestClient, guarded: TestClient) -> None:
    for server in (client, guarded):
        assert server.get("/", follow_redirects=False).headers["location"] == "/docs"
        assert "Dialogue TTS" in server.get("/").text
    told: dict[str, Any] = client.get("/version").json()
    assert told["name"] == "dialogue-tts" and told["model"] == "tiny" and told["version"]


def test_head_is_get_without_its_body(client: TestClient) -> None:
    for path in ("/health", "/docs", "/v1/models", "/v1/audio/voices", "/version", "/nothing"):
        found, asked = client.head(path), client.get(path)
        assert (found.status_code, found.content) == (asked.status_code, b""), path
        assert found.headers["content-type"] == asked.headers["content-type"]
    assert client.head("/v1/audio/speech").status_code == 405
    script = "\n".join(f"[A] This is line number {n}." for n in range(200))
    job = client.post("/v1/jobs", json={"script": script}).json()["id"]
    assert client.head(f"/v1/jobs/{job}/events").status_code == 200  # though it is not over
    client.delete(f"/v1/jobs/{job}")
    assert 'method="HEAD",route="/health"' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, "the request has no Content-Type; send the header Content-Type: application/json."),
        ({"content-type": "application/x-www-form-urlencoded"}, "the body came as application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_does_not_say_what_it_is(headers: dict[str, str], says: str, client: TestClient) -> None:
    for path in ("/v1/audio/speech", "/v1/dialogue", "/v1/jobs", "/v1/check"):
        response = client.post(path, content=b'{"script": "[A] Hi."}', headers=headers)
        assert response.status_code == 400
        assert says in response.json()["error"]["message"] and response.json()["error"]["code"] == "content_type"


def test_limits_hold_for_prose_as_it_is_sent(tts: DialogueTTS) -> None:
    with TestClient(create_app(tts, Limits(input_characters=10))) as client:
        response = client.post("/v1/audio/speech", json={"model": "tts-1", "voice": "low", "input": "[1]" * 4})
        assert response.status_code == 400 and "12 characters, at most 10" in response.text
