"""The server's routes: what they give, what they refuse, and who may ask."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
import srt
import webvtt
from fastapi.testclient import TestClient
from starlette.datastructures import UploadFile

from dialogue_tts.dialogue.project import Project
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.script.parser import parse_script
from dialogue_tts.script.prose import passages
from dialogue_tts.script.turns import Script, Turn
from dialogue_tts.server.app import create_app
from dialogue_tts.server.guard import Access
from dialogue_tts.server.limits import Limits
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.voices.library import VoiceLibrary
from tests.conftest import ONCE

SCRIPT = "[Anna] Good evening. Tea? [Ben | overlap 0.1s] Yes. [Anna] [pause 0.3s] Here you are, then."
CONSENT = {"consent": "own", "consent_who": "Ben Ito", "consent_when": "2026-01-31"}
MANY_NAMES = [{"speaker": f"{n:060}", "text": "x"} for n in range(1000)]
FORMATS = {"wav": "WAV", "flac": "FLAC", "mp3": "MP3", "ogg": "OGG", "opus": "OGG"}


@pytest.fixture(scope="module")
def tts(tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> DialogueTTS:
    return DialogueTTS.from_pretrained(
        tiny_bundle_dir,
        ONCE,
        VoiceLibrary(tmp_path_factory.mktemp("server") / "voices"),
    )


@pytest.fixture(scope="module")
def client(tts: DialogueTTS) -> Iterator[TestClient]:
    with TestClient(create_app(tts, Limits(voices=2))) as client:
        yield client


def speech(client: TestClient, **changes: Any) -> httpx.Response:
    return client.post("/v1/audio/speech", json={"model": "tiny", "input": "Good evening.", "voice": "low"} | changes)


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """The error of a response, which has the shape of OpenAI's."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["message"]
    return error


def samples(data: bytes) -> np.ndarray:
    return np.frombuffer(data, "<i2")


def as_pcm(waveform: np.ndarray) -> np.ndarray:
    """As libsndfile rounds it."""
    data = io.BytesIO()
    soundfile.write(data, waveform, 24_000, format="WAV", subtype="PCM_16")
    return soundfile.read(io.BytesIO(data.getvalue()), dtype="int16")[0]


def events_in(text: str) -> list[tuple[str, Any]]:
    found = re.findall(r"(?:event: (\w+)\n)?data: (.*)\n", text)
    return [(name, json.loads(data)) for name, data in found]


def finished_job(client: TestClient, **body: Any) -> str:
    response = client.post("/v1/jobs", json={"script": SCRIPT, "seed": 3} | body)
    assert response.status_code == 202
    name = response.json()["id"]
    assert events_in(client.get(f"/v1/jobs/{name}/events").text)[-1][0] == "done"
    return name


def test_speech_is_what_the_library_makes(client: TestClient, tts: DialogueTTS) -> None:
    text = "Good evening. It rained all the way to the harbour, and then it rained some more."
    response = speech(client, input=text, response_format="pcm", seed=5, speed=1.25)
    assert response.headers["content-type"] == "audio/pcm"
    assert len(passages(text)) == 2
    spoken = Script(tuple(Turn("low", passage) for passage in passages(text)))
    whole = tts.synthesize(spoken, {"low": "low"}, 5, replace(tts.config, speed=1.25))
    assert samples(response.content).tolist() == as_pcm(whole.waveform).tolist()
    assert response.headers["x-provenance"] == whole.provenance


@pytest.mark.parametrize("kind", FORMATS)
def test_speech_in_every_format(kind: str, client: TestClient) -> None:
    if kind == "ogg":
        assert problem(speech(client, response_format=kind), 400)["param"] == "response_format"
        return
    whole = samples(speech(client, response_format="pcm").content)
    response = speech(client, response_format=kind)
    with soundfile.SoundFile(io.BytesIO(response.content)) as file:
        assert (file.format, file.samplerate, file.channels) == (FORMATS[kind], 24_000, 1)
        heard = file.read()
        assert len(heard) == pytest.approx(len(whole), abs=2500 if kind == "mp3" else 0)
        assert (
            kind == "mp3" or file.comment == response.headers["x-provenance"]
        )  # libsndfile does not read those of MP3
    if kind in ("wav", "flac"):
        assert np.abs(heard * 32_768 - whole).max() <= 1


def test_speech_as_events(client: TestClient) -> None:
    whole = speech(client, response_format="pcm").content
    found = events_in(speech(client, response_format="pcm", stream_format="sse").text)
    assert [event["type"] for _, event in found] == ["speech.audio.delta", "speech.audio.done"]
    assert base64.b64decode(found[0][1]["audio"]) == whole
    usage = found[-1][1]["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0


@pytest.mark.parametrize(
    ("changes", "status", "param", "says"),
    [
        ({"model": "whisper-1"}, 404, "model", "the one here is 'tiny'"),
        ({"voice": "clara"}, 400, None, "'clara': there is no such voice"),
        ({"voice": {"id": "/etc/passwd"}}, 400, None, "there is no such voice"),
        ({"voice": ""}, 400, "voice", "at least 1 character"),
        ({"input": ""}, 400, "input", "at least 1 character"),
        ({"input": "x" * 4097}, 400, "input", "4097 characters, at most 4096"),
        ({"input": "おはよう"}, 400, None, "cannot be spoken"),
        ({"input": "A lone \ud800 surrogate"}, 400, "input", "unicode"),
        ({"speed": 4.1}, 400, "speed", "less than or equal to 4"),
        ({"speed": "fast"}, 400, "speed", "valid number"),
        ({"response_format": "amr"}, 400, "response_format", "'mp3', 'opus', 'aac', 'flac', 'wav' or 'pcm'"),
        ({"stream_format": "ws"}, 400, "stream_format", "'audio' or 'sse'"),
        ({"instructions": "Shout!"}, 400, "instructions", "does not follow instructions"),
        ({"seed": -1}, 400, "seed", "greater than or equal to 0"),
        ({"emotion": "sad"}, 400, "emotion", "not permitted"),
    ],
)
def test_speech_refuses(client: TestClient, changes: dict[str, Any], status: int, param: str, says: str) -> None:
    body = json.dumps({"model": "tiny", "input": "Good evening.", "voice": "low"} | changes)
    response = client.post("/v1/audio/speech", content=body, headers={"content-type": "application/json"})
    error = problem(response, status)
    assert says in error["message"] and error["type"] == "invalid_request_error"
    assert error["param"] is None if param is None else error["param"].startswith(param)


def test_names_that_programs_have_built_in(client: TestClient) -> None:
    wanted = speech(client, response_format="pcm").content
    assert speech(client, model="gpt-4o-mini-tts", response_format="pcm", voice={"id": "low"}).content == wanted
    assert speech(client, model="tts-1-hd-1106", response_format="pcm", voice="LOW").content == wanted
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["tiny"]


def test_a_dialogue_is_what_the_library_makes(client: TestClient, tts: DialogueTTS) -> None:
    settings = {"gap_s": 0.1, "loudness_lufs": None, "pronunciations": {"tea": "tˈA"}, "takes": 2}
    changes = settings | {"pronunciations": (("tea", "tˈA"),)}
    config = replace(tts.config, **changes)
    whole = tts.synthesize(SCRIPT, {"Ben": "low"}, 9, config)
    body = {"script": SCRIPT, "voices": {"Ben": "low"}, "seed": 9, "settings": settings, "format": "pcm"}
    for stream in (False, True):
        response = client.post("/v1/dialogue", json=body | {"stream": stream})
        assert samples(response.content).tolist() == as_pcm(whole.waveform).tolist()
        assert response.headers["x-provenance"] == whole.provenance
    stereo = samples(client.post("/v1/dialogue", json=body | {"stereo": True}).content)
    assert stereo.tolist() == as_pcm(whole.stereo()).ravel().tolist()


def test_turns_are_the_same_as_their_script(client: TestClient) -> None:
    turns = [
        {"speaker": "Anna", "text": "Good evening.\nTea?"},
        {"speaker": "Ben", "text": "Yes.", "overlap_s": 0.1},
        {"speaker": "Anna", "text": "Here you are, then.", "pause_s": 0.3},
    ]
    by_turns = client.post("/v1/dialogue", json={"turns": turns})
    assert by_turns.content == client.post("/v1/dialogue", json={"script": SCRIPT}).content
    changed = client.post("/v1/dialogue", json={"turns": [*turns[:2], turns[2] | {"speed": 1.5}]})
    assert len(changed.content) < len(by_turns.content)


def test_a_dialogue_with_its_times(client: TestClient, tts: DialogueTTS) -> None:
    whole = tts.synthesize(SCRIPT, seed=4)
    body = {"script": SCRIPT, "seed": 4, "timestamps": True, "format": "flac"}
    found = client.post("/v1/dialogue", json=body).json()
    assert found | {"audio": ""} == {"audio": "", "format": "flac", "seed": 4, "findings": []} | whole.timestamps()
    heard, _ = soundfile.read(io.BytesIO(base64.b64decode(found["audio"])))
    assert len(heard) == whole.waveform.size
    streamed = events_in(client.post("/v1/dialogue", json=body | {"stream": True, "format": "pcm"}).text)
    assert [name for name, _ in streamed] == ["turn", "turn", "turn", "done"]
    sound = b"".join(base64.b64decode(event.pop("audio")) for _, event in streamed)
    assert samples(sound).tolist() == as_pcm(whole.waveform).tolist()
    assert [event for _, event in streamed[:-1]] == whole.timestamps()["turns"]
    assert streamed[-1][1] == {"duration": found["duration"], "seed": 4, "findings": []}


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"script": "[Anna] Hi. [laughs]"}, "bad_script", "line 1"),
        ({"script": "no speaker"}, "bad_script", "comes before any speaker"),
        ({"script": "[A] x " * 9000}, "too_long", "54000 characters, at most 50000"),
        ({"script": None}, "value_error", "give either a script or turns"),
        ({"turns": [{"speaker": "A", "text": "Hi."}]}, "value_error", "give either a script or turns"),
        ({"script": None, "turns": [{"speaker": "A", "text": "Hi.", "overlap_s": 1}]}, "bad_script", "overlap"),
        ({"script": None, "turns": [{"speaker": " ", "text": "Hi."}]}, "bad_script", "no speaker"),
        ({"script": None, "turns": [{"speaker": "A", "text": "Hi.", "speed": 9}]}, "less_than_equal", "turns.0.speed"),
        ({"voices": {"Cleo": "low"}}, "bad_script", "the script has no such speaker"),
        ({"voices": {"Cleo": "nobody"}}, "bad_script", "the script has no such speaker"),  # whom nobody looks for
        ({"voices": {"Anna": "nobody"}}, "bad_voice", "no such voice"),
        ({"script": None, "turns": MANY_NAMES}, "too_long", "61000 characters, at most 50000"),
        ({"script": "".join(f"[A{n}] x " for n in range(201))}, "too_long", "201 speakers, at most 200"),
        ({"settings": {"takes": 1000}}, "less_than_equal", "settings.takes"),
        ({"settings": {"speed": 2.0}, "script": "[A | speed 3] Hi."}, "bad_script", "keep the product"),
        ({"settings": {"pronunciations": {"tea": "§"}}}, "bad_script", "no known phoneme"),
        ({"format": "aac"}, "literal_error", "format"),
        ({"stream": True, "stereo": True}, "value_error", "a stream is mono"),
        ({"script": "[A] " + "[pause 10s] and " * 200}, "too_long", "shorten the script"),
    ],
)
def test_dialogues_refuse(client: TestClient, changes: dict[str, Any], code: str, says: str) -> None:
    error = problem(client.post("/v1/dialogue", json={"script": SCRIPT} | changes), 400)
    assert (error["code"], says in error["message"]) == (code, True), error


def test_a_voice_is_looked_for_once(client: TestClient, tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    voice = tts.voice
    service = client.app.state.service  # type: ignore[attr-defined]
    monkeypatch.setattr(service, "voice", lambda name: asked.append(name) or voice(name))
    voices = {"Anna": "low", "Ben": "low"}
    assert client.post("/v1/dialogue", json={"script": SCRIPT, "voices": voices}).status_code == 200
    assert asked == ["low"]


def test_many_speakers_make_no_header_that_clients_refuse(client: TestClient) -> None:
    turns = [{"speaker": f"Ann{n}\n{'ü' * 58}", "text": "Hi."} for n in range(30)]
    body = {"turns": turns, "settings": {"takes": 1, "sound_takes": 1}, "format": "opus"}
    response = client.post("/v1/dialogue", json=body)
    assert response.status_code == 200 and len(response.headers["x-provenance"]) == 2000


def test_check_is_the_librarys_review(client: TestClient, tts: DialogueTTS) -> None:
    found = client.post("/v1/check", json={"script": "[Anna] Xyzzyq!\n[Bem", "voices": ["Anna"]}).json()
    wanted = tts.lint("[Anna] Xyzzyq!\n[Bem", ["Anna"])
    assert [(f["line"], f["severity"], f["message"]) for f in found["findings"]] == [
        (f.line, f.severity, f.message) for f in wanted.findings
    ]
    assert found["duration_s"] == wanted.duration_s and found["turns"] == 1


def test_what_is_left_out_is_told_with_the_sound(client: TestClient, tts: DialogueTTS) -> None:
    script = "[Anna] Hi (laughs) you.\n---\n[Ben] Yes."
    wanted = [f.message for f in tts.synthesize(script).findings]
    assert len(wanted) == 2 and wanted == [f.message for f in parse_script(script).findings]

    def told(found: dict[str, Any]) -> list[str]:
        return [finding["message"] for finding in found["findings"]]

    for stream in (False, True):
        response = client.post("/v1/dialogue", json={"script": script, "format": "pcm", "stream": stream})
        assert response.headers["x-notice"] == "; ".join(f"line {n}: {m}" for n, m in enumerate(wanted, start=1))
        response = client.post("/v1/dialogue", json={"script": script, "stream": stream, "timestamps": True})
        assert told(events_in(response.text)[-1][1] if stream else response.json()) == wanted
    assert told(client.post("/v1/jobs", json={"script": script}).json()) == wanted
    many = "[Anna] Hi.\n" + "---\n" * 12
    notice = client.post("/v1/dialogue", json={"script": many, "format": "pcm"}).headers["x-notice"]
    assert notice.count("line ") == 10 and notice.endswith("; and 2 more, which /v1/check lists")
    assert "x-notice" not in client.post("/v1/dialogue", json={"script": SCRIPT, "format": "pcm"}).headers


def test_a_job_and_its_results(client: TestClient, tts: DialogueTTS) -> None:
    whole = tts.synthesize(SCRIPT, seed=3)
    name = finished_job(client)
    job = client.get(f"/v1/jobs/{name}").json()
    assert (job["state"], job["turns_done"], job["turns"], job["error"]) == ("done", 3, 3, None)
    assert job["duration"] == pytest.approx(whole.duration, abs=0.001)

    def result(**query: Any) -> httpx.Response:
        return client.get(f"/v1/jobs/{name}/result", params=query)

    for kind in FORMATS:
        heard, rate = soundfile.read(io.BytesIO(result(format=kind).content))
        assert rate == 24_000 and len(heard) == pytest.approx(whole.waveform.size, abs=2500 if kind == "mp3" else 0)
    assert samples(result(format="pcm").content).tolist() == as_pcm(whole.waveform).tolist()
    assert soundfile.info(io.BytesIO(result(stereo=True).content)).channels == 2
    ben = samples(result(format="pcm", speaker="Ben").content)
    assert ben.tolist() == as_pcm(whole.tracks()["Ben"]).tolist()
    assert [cue.content.partition(":")[0] for cue in srt.parse(result(format="srt").text)] == ["Anna", "Ben", "Anna"]
    assert len(webvtt.from_string(result(format="vtt").text)) == 3
    assert result(format="labels").text.count("\n") == 3
    assert result(format="json").json() == whole.timestamps()
    project = Project.parse(result(format="project").text)
    assert tts.rebuild(project).sha256 == project.sha256 == whole.sha256
    assert problem(result(speaker="Cleo"), 400)["param"] == "speaker"
    assert problem(result(speaker="Ben", stereo=True), 400)["param"] == "stereo"
    assert problem(result(format="aiff"), 400)["param"] == "format"

    assert client.delete(f"/v1/jobs/{name}").json()["deleted"] is True
    assert problem(client.get(f"/v1/jobs/{name}"), 404)["code"] == "no_such_job"


def test_events_go_on_where_they_were_left(client: TestClient) -> None:
    name = finished_job(client)
    every = events_in(client.get(f"/v1/jobs/{name}/events").text)
    assert [event for event, _ in every] == ["turn"] * 3 + ["done"]
    rest = events_in(client.get(f"/v1/jobs/{name}/events", headers={"Last-Event-ID": "2"}).text)
    assert rest == every[2:]
    odd = client.get(f"/v1/jobs/{name}/events", headers={"Last-Event-ID": "x" * 50})
    assert events_in(odd.text) == every


def test_a_cancelled_job_leaves_its_turns(client: TestClient, tts: DialogueTTS) -> None:
    script = "\n".join(f"[{'AB'[n % 2]}] This is line number {n}." for n in range(200))
    name = client.post("/v1/jobs", json={"script": script}).json()["id"]
    while not client.get(f"/v1/jobs/{name}").json()["turns_done"]:
        time.sleep(0.01)
    error = problem(client.get(f"/v1/jobs/{name}/result"), 409)
    assert "not done yet" in error["message"] and "partial=true" in error["message"]
    assert client.delete(f"/v1/jobs/{name}").json()["state"] == "cancelled"
    assert "cancelled" in problem(client.get(f"/v1/jobs/{name}/result"), 409)["message"]
    job = client.get(f"/v1/jobs/{name}").json()
    assert 0 < job["turns_done"] < 200
    found = client.get(f"/v1/jobs/{name}/result", params={"partial": True, "format": "json"}).json()
    assert len(found["turns"]) == job["turns_done"]
    assert events_in(client.get(f"/v1/jobs/{name}/events").text)[-1][0] == "cancelled"


def test_a_crashed_job_leaves_its_turns(client: TestClient, tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch) -> None:
    render = tts.synthesizer.render

    def fail(drawn: Any) -> Any:
        if "Here" in drawn.request.turn.text:
            raise ArithmeticError("secret")
        return render(drawn)

    monkeypatch.setattr(tts.synthesizer, "render", fail)
    response = client.post("/v1/jobs", json={"script": SCRIPT})
    name = response.json()["id"]
    last, job = events_in(client.get(f"/v1/jobs/{name}/events").text)[-1]
    assert (last, job["turns_done"]) == ("failed", 2) and "turn 3 could not be made" in job["error"]
    found = client.get(f"/v1/jobs/{name}/result", params={"partial": True, "format": "json"}).json()
    assert [turn["speaker"] for turn in found["turns"]] == ["Anna", "Ben"]
    whole = client.post("/v1/dialogue", json={"script": SCRIPT})
    error = problem(whole, 500)
    assert error["type"] == "server_error" and "secret" not in whole.text


def test_every_setting_of_the_library_is_one_of_the_server(client: TestClient) -> None:
    names = {field.name for field in fields(SynthesisConfig)}
    assert set(client.get("/openapi.json").json()["components"]["schemas"]["Settings"]["properties"]) == names
    wanted = {"script": "[A] Yes.", "settings": {"max_pace_ratio": 2.5, "guidance": 0.5, "temperature": 0.2}}
    assert client.post("/v1/dialogue", json=wanted).status_code == 200
    problem(client.post("/v1/dialogue", json=wanted | {"settings": {"takes": 11}}), 400)


def test_one_turn_is_made_anew_by_a_job_of_its_own(client: TestClient, tts: DialogueTTS) -> None:
    name = finished_job(client)
    old = project_of(client, name)
    response = client.post(f"/v1/jobs/{name}/turns/1/redo", json={"text": "No, thank you."})
    assert response.status_code == 202 and response.json()["id"] != name
    again = response.json()["id"]
    assert events_in(client.get(f"/v1/jobs/{again}/events").text)[-1][0] == "done"
    new = project_of(client, again)
    assert [len(turn["takes"]) for turn in new["turns"]] == [1, 2, 1] and new["turns"][1]["chosen"] == 1
    assert new["turns"][1]["takes"][1]["text"] == "No, thank you." and old == project_of(client, name)
    assert [new["turns"][n] for n in (0, 2)] == [old["turns"][n] for n in (0, 2)]
    assert "there is no turn 3" in problem(client.post(f"/v1/jobs/{name}/turns/3/redo", json={}), 400)["message"]
    problem(client.post(f"/v1/jobs/{name}/turns/-1/redo", json={}), 400)
    problem(client.post(f"/v1/jobs/{name}/turns/1/redo", json={"tune": 1}), 400)
    problem(client.post("/v1/jobs/none/turns/1/redo", json={}), 404)


def project_of(client: TestClient, job: str) -> dict[str, Any]:
    return client.get(f"/v1/jobs/{job}/result", params={"format": "project"}).json()


def test_jobs_that_are_over_go_in_time(tts: DialogueTTS) -> None:
    with TestClient(create_app(tts, Limits(job_sound_s=3.5))) as client:
        jobs = [finished_job(client) for _ in range(3)]
        while client.get(f"/v1/jobs/{jobs[0]}").status_code != 404:
            time.sleep(0.01)
        assert client.get(f"/v1/jobs/{jobs[2]}").status_code == 200
    with TestClient(create_app(tts, Limits(job_s=0.0))) as client:
        name = client.post("/v1/jobs", json={"script": SCRIPT}).json()["id"]
        while client.get(f"/v1/jobs/{name}").status_code != 404:
            time.sleep(0.01)


def wav(seconds: float = 3.0, rate_hz: int = 24_000, channels: int = 1) -> bytes:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    wave = 0.1 * sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 9)) * (np.sin(8 * t) > -0.8)
    data = io.BytesIO()
    soundfile.write(data, np.stack([wave] * channels, axis=1), rate_hz, format="WAV")
    return data.getvalue()


def upload(client: TestClient, recording: bytes | None, filename: str = "ben.wav", **form: Any) -> httpx.Response:
    files = {} if recording is None else {"recording": (filename, recording)}
    return client.post("/v1/audio/voices", data={"name": "Ben Ito"} | CONSENT | form, files=files)


def test_a_recording_is_not_held_in_memory_while_others_work(
    client: TestClient, tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays in the form's own file until a thread is free for it."""
    read: list[UploadFile] = []

    async def noted(file: UploadFile, size: int = -1) -> bytes:
        read.append(file)
        return file.file.read(size)

    monkeypatch.setattr(UploadFile, "read", noted)
    assert upload(client, wav(), name="Dora").status_code == 201 and not read
    tts.library.remove("Dora")


def test_voices_are_kept_used_and_removed(client: TestClient, tts: DialogueTTS) -> None:
    made = upload(client, wav(), consent_what="Read the news.")
    assert made.status_code == 201 and made.json()["id"] == "Ben Ito" and not made.json()["built_in"]
    kept = tts.library.get("Ben Ito")
    assert kept.consent and (kept.consent.who, kept.consent.what) == ("Ben Ito", "Read the news.")
    listed = [voice for voice in client.get("/v1/audio/voices").json()["data"] if not voice["alias_of"]]
    assert [(voice["id"], voice["built_in"]) for voice in listed] == [("low", True), ("high", True), ("Ben Ito", False)]
    assert "Ben" not in listed[-1]["description"]
    assert [voice["accent"] for voice in listed] == ["en-US"] * 3
    spoken = client.post("/v1/dialogue", json={"script": SCRIPT, "voices": {"Anna": "Ben Ito"}, "format": "pcm"})
    whole = tts.synthesize(SCRIPT, {"Anna": "Ben Ito"})
    assert samples(spoken.content).tolist() == as_pcm(whole.waveform).tolist()
    assert "already" in problem(upload(client, wav()), 400)["message"]
    assert "there are en-US, en-GB" in problem(upload(client, wav(), name="Cleo", accent="en-AU"), 400)["message"]
    assert upload(client, wav(), name="Cleo", accent="en-GB").json()["accent"] == "en-GB"
    assert tts.library.get("Cleo").accent == "en-GB"
    assert problem(upload(client, wav(), name="Dora"), 409)["code"] == "too_many_voices"
    for name in ("Cleo", "Ben Ito"):
        assert client.delete(f"/v1/audio/voices/{name}").json() == {
            "id": name,
            "object": "audio.voice.deleted",
            "deleted": True,
        }
    assert problem(client.delete("/v1/audio/voices/Cleo"), 404)["code"] == "no_such_voice"
    assert problem(client.delete("/v1/audio/voices/low"), 403)["code"] == "built_in"
    assert not list(tts.library.folder.iterdir())


@pytest.mark.parametrize(
    ("recording", "form", "says"),
    [
        (b"nonsense", {}, "this is no sound file that can be read (Format not recognised.)"),
        (b"", {}, "no sound file"),
        (None, {}, "recording: Field required"),
        (wav(1.0), {}, "record at least 2 s"),
        (wav(31.0), {}, "cut it to at most 30 s"),
        (wav(2.5, channels=9), {}, "9 channels"),
        (wav(), {"name": "../../etc/passwd"}, "cannot be a voice's name"),
        (wav(), {"name": "low"}, "a built-in voice has that name"),
        (wav(), {"consent": "none"}, "'own', 'licensed' or 'synthetic'"),
        (wav(), {"consent_when": "soon"}, "is no date"),
        (wav(), {"consent_who": " "}, "names nobody"),
        (wav(), {"path": "/etc/passwd"}, "not permitted"),
    ],
)
def test_uploads_refuse(client: TestClient, recording: bytes | None, form: dict[str, str], says: str) -> None:
    response = upload(client, recording, **form)
    error = problem(response, 400)
    assert says in error["message"] and "/tmp" not in error["message"]


def test_a_file_that_promises_hours_is_not_decoded(client: TestClient) -> None:
    data = io.BytesIO()
    soundfile.write(data, np.zeros(4_000_000), 8_000, format="FLAC")
    assert len(data.getvalue()) < 100_000
    assert "lasts 500 s" in problem(upload(client, data.getvalue()), 400)["message"]


def test_uploads_can_be_switched_off(tts: DialogueTTS) -> None:
    with TestClient(create_app(tts, uploads=False)) as client:
        assert problem(upload(client, wav()), 403)["code"] == "no_uploads"
        assert problem(client.delete("/v1/audio/voices/Cleo"), 403)["code"] == "no_uploads"
        assert sum(not voice["alias_of"] for voice in client.get("/v1/audio/voices").json()["data"]) == 2


OPENED: list[str] = []


def _note_opening(event: str, args: tuple[Any, ...]) -> None:
    if event in ("open", "os.listdir", "os.scandir", "socket.getaddrinfo", "socket.connect"):
        OPENED.append(str(args[0]))


def test_no_request_reaches_a_file_or_an_address_by_its_words(client: TestClient, tmp_path: Path) -> None:
    place = tmp_path / "marker.wav"
    place.write_bytes(wav())
    sys.addaudithook(_note_opening)
    OPENED.clear()
    told = set()
    names = (str(place), f"../{place.name}", str(place.parent / "none.wav"), "http://marker.test/a.wav", "marker\0.wav")
    for name in names:
        for response in (
            speech(client, voice=name),
            speech(client, voice={"id": name}),
            client.post("/v1/dialogue", json={"script": SCRIPT, "voices": {"Anna": name}}),
            client.post("/v1/jobs", json={"script": SCRIPT, "voices": {"Anna": name}}),
        ):
            told.add(problem(response, 400)["message"].replace(repr(name), "NAME") if len(name) <= 64 else "")
        assert client.delete("/v1/audio/voices/" + name.replace("/", "%2F").replace("\0", "%00")).status_code == 404
        client.get("/v1/jobs/" + name.replace("/", "%2F").replace("\0", "%00"))
    assert upload(client, wav(), str(place), name="Marker").status_code == 201
    client.delete("/v1/audio/voices/Marker")
    assert not [name for name in OPENED if "marker." in name or "none.wav" in name]
    assert len(told - {""}) == 1, told  # whether a file exists makes no difference


def test_keys(tts: DialogueTTS) -> None:
    keys = ("first-key-0123456789", "second-key-0123456789")
    with TestClient(create_app(tts, access=Access(keys))) as client:
        assert client.get("/health/live").json() == client.get("/health/ready").json() == client.get("/health").json()
        assert client.get("/health").json() == {"status": "ok", "model": "tiny"}
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": keys[0]},
            {"Authorization": "Bearer "},
        ):
            response = client.get("/v1/models", headers=headers)
            assert problem(response, 401)["code"] == "invalid_api_key"
            assert response.headers["www-authenticate"] == "Bearer"
        assert client.post("/v1/dialogue", content=b"[" * 2_000_000).status_code == 401
        assert client.get("/metrics").status_code == 401
        for key in keys:
            assert client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_hosts_and_origins(tts: DialogueTTS) -> None:
    access = Access(hosts=("localhost", "[::1]"), origins=("https://studio.test",))
    with TestClient(create_app(tts, access=access), base_url="http://localhost:8000") as client:
        assert client.get("/health").status_code == 200
        assert client.get("/health", headers={"Host": "[::1]:8000"}).status_code == 200
        assert problem(client.get("/health", headers={"Host": "evil.test"}), 403)["code"] == "unknown_host"
        for origin in ("https://evil.test", "null", "http://localhost:9999"):
            assert problem(client.get("/health", headers={"Origin": origin}), 403)["code"] == "unknown_origin"
        assert client.get("/health", headers={"Origin": "http://localhost:8000"}).status_code == 200
        allowed = client.get("/health", headers={"Origin": "https://studio.test"})
        assert allowed.headers["access-control-allow-origin"] == "https://studio.test"
        asked = {"Origin": "https://studio.test", "Access-Control-Request-Method": "POST"}
        assert client.options("/v1/dialogue", headers=asked).status_code == 200
    with TestClient(create_app(tts)) as client:
        for origin in ("https://studio.test", "http://testserver"):
            assert "access-control-allow-origin" not in client.get("/health", headers={"Origin": origin}).headers


def test_bodies_have_limits_however_they_come(tts: DialogueTTS) -> None:
    with TestClient(create_app(tts, Limits(body_bytes=1000, upload_bytes=20_000))) as client:
        big = json.dumps({"script": "[A] " + "x" * 2000}).encode()
        headers = {"content-type": "application/json"}
        assert (
            "at most 1000 bytes" in problem(client.post("/v1/dialogue", content=big, headers=headers), 413)["message"]
        )
        pieces = (big[i : i + 100] for i in range(0, len(big), 100))  # no Content-Length
        assert problem(client.post("/v1/dialogue", content=pieces, headers=headers), 413)
        assert problem(upload(client, wav()), 413)
        assert client.post("/v1/check", json={"script": "[A] Hi."}).status_code == 200


@pytest.mark.parametrize(
    "body", [b"{", b"", b"[" * 100_000, b'{"script": 1e999}', b"\xff\xfe", b'{"seed": ' + b"9" * 5000 + b"}", b"null"]
)
def test_malformed_bodies(client: TestClient, body: bytes) -> None:
    for route in ("/v1/dialogue", "/v1/jobs", "/v1/audio/speech", "/v1/check"):
        problem(client.post(route, content=body, headers={"content-type": "application/json"}), 400)
        error = problem(client.post(route, content=body, headers={"content-type": "text/plain"}), 400)
        assert error["code"] == "content_type" or not body
    problem(client.post("/v1/audio/voices", content=body, headers={"content-type": "multipart/form-data"}), 400)
    broken = {"content-type": "multipart/form-data; boundary=x"}
    problem(client.post("/v1/audio/voices", content=b"--x\r\nnonsense", headers=broken), 400)


def test_unknown_routes_and_methods_have_the_same_shape(client: TestClient) -> None:
    problem(client.get("/v1/nothing"), 404)
    problem(client.put("/v1/dialogue"), 405)


def test_a_full_queue_is_429_with_retry_after(tts: DialogueTTS) -> None:
    with TestClient(create_app(tts, Limits(requests=1))) as client:
        script = "\n".join(f"[A] This is line number {n}." for n in range(200))
        name = client.post("/v1/jobs", json={"script": script}).json()["id"]
        response = speech(client)
        error = problem(response, 429)
        assert error["type"] == "requests" and error["code"] == "busy"
        assert 1 <= int(response.headers["retry-after"]) <= 60
        client.delete(f"/v1/jobs/{name}")
        assert speech(client).status_code == 200


def test_metrics_count_by_route(client: TestClient) -> None:
    speech(client)
    client.get("/v1/jobs/some-job")
    client.get("/no/such/route")
    text = client.get("/metrics").text
    assert re.search(r'dialogue_tts_requests_total{method="POST",route="/v1/audio/speech",status="200"} [1-9]', text)
    assert re.search(r'requests_total{method="GET",route="/v1/jobs/{job_id}",status="404"} [1-9]', text)
    assert re.search(r'requests_total{method="any",route="none",status="404"} [1-9]', text)
    assert "some-job" not in text and "such/route" not in text
    for number in range(3):
        client.request(f"INVENTED{number}", "/health")
    text = client.get("/metrics").text
    assert "INVENTED" not in text
    assert re.search(r'requests_total{method="other",route="/health",status="405"} [3-9]', text)
    assert re.search(r"dialogue_tts_first_sound_seconds_count [1-9]", text)
    assert "dialogue_tts_active 0.0" in text


def test_the_description_needs_no_network(client: TestClient) -> None:
    page = client.get("/docs").text
    assert not re.findall(r"(?:src|href)=[\"'](?!/)", page) and "http" not in page
    for address in re.findall(r"(?:src|href)=[\"'](/[^\"']+)", page):
        assert client.get(address).status_code == 200
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/v1/audio/speech",
        "/v1/models",
        "/v1/models/{model_id}",
        "/v1/audio/models",
        "/v1/dialogue",
        "/v1/check",
        "/v1/verify",
        "/v1/jobs",
        "/v1/jobs/{job_id}",
        "/v1/jobs/{job_id}/events",
        "/v1/jobs/{job_id}/result",
        "/v1/jobs/{job_id}/turns/{index}/redo",
        "/v1/audio/voices",
        "/v1/audio/voices/{voice_id}",
        "/health",
        "/health/live",
        "/health/ready",
        "/version",
        "/metrics",
    }
    assert all("422" not in operation["responses"] for path in paths.values() for operation in path.values())


def test_what_was_made_here_is_known_again(client: TestClient, tts: DialogueTTS) -> None:
    turns = {"script": " ".join(f"[A] Did you say number {n}? [B] I did." for n in range(9))}
    spoken = client.post("/v1/dialogue", json=turns | {"voices": {"A": "low", "B": "high"}, "format": "flac"})
    assert spoken.status_code == 200
    found = client.post("/v1/verify", files={"file": ("talk.flac", spoken.content)})
    assert found.status_code == 200, found.text
    told = found.json()
    assert told["marked"] and told["parts"][0]["bundles"] == ["tiny"] and told["comment"]
    noise = io.BytesIO()
    soundfile.write(noise, 0.1 * np.random.default_rng(0).standard_normal(24_000), 24_000, format="WAV")
    assert not client.post("/v1/verify", files={"file": ("noise.wav", noise.getvalue())}).json()["marked"]
    assert "no sound file" in problem(client.post("/v1/verify", files={"file": ("a.wav", b"RIFF")}), 400)["message"]
