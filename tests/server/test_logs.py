"""What the server tells its operator: the log, metrics, traces; and nothing of what people say."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dialogue_tts.errors import StoreError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.server.app import create_app
from dialogue_tts.server.logs import set_up_logs
from dialogue_tts.server.traces import trace
from dialogue_tts.settings import SynthesisConfig

SECRET = "Rumpelstiltskin"
READ_ANEW = {"script": f"[{SECRET}] What a quagmire!"}, {"script": f"[{SECRET}] What a kerfuffle!"}  # or it is known
STAGES = ("front end", "text-to-semantic", "SoundStorm", "codec", "self-check")
BODY = {"script": f"[{SECRET}] Good evening, {SECRET}.", "format": "pcm"}


@pytest.fixture(scope="module")
def tts(tiny_tts: DialogueTTS) -> DialogueTTS:
    return DialogueTTS(tiny_tts.bundle, SynthesisConfig(takes=1, sound_takes=1))


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Gives what went to standard error; the loggers are as before at the end."""
    root, ours = logging.getLogger(), logging.getLogger("dialogue_tts")
    handlers, levels, root.handlers = root.handlers, (root.level, ours.level), []
    yield lambda: capsys.readouterr().err
    root.handlers = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def test_a_request_is_a_line_of_json_with_an_id_and_without_texts(tts: DialogueTTS, logged: Callable[[], str]) -> None:
    set_up_logs("info", True)
    with TestClient(create_app(tts)) as client:
        answer = client.post("/v1/dialogue", json=BODY, headers={"X-Request-ID": "the-callers-1"})
        assert answer.headers["x-request-id"] == "the-callers-1"
        job = client.post("/v1/jobs", json={"script": BODY["script"]})
        assert client.get(f"/v1/jobs/{job.json()['id']}").status_code == 200
        for odd in ("a b", "x" * 65, '"', "é".encode()):
            named = client.get(f"/v1/{SECRET}", headers={"X-Request-ID": odd}).headers["x-request-id"]
            assert len(named) == 16 and named.isalnum()
    text = logged()
    lines = [json.loads(line) for line in text.splitlines()]
    first = next(line for line in lines if line["request_id"] == "the-callers-1")
    assert (first["level"], first["logger"], first["method"]) == ("INFO", "dialogue_tts.access", "POST")
    assert (first["route"], first["status"]) == ("/v1/dialogue", 200) and first["seconds"] >= 0 and first["time"]
    assert {line["route"] for line in lines if "route" in line} >= {"/v1/jobs/{job_id}", "none"}
    assert SECRET not in text and job.json()["id"] not in text


def test_a_fault_is_logged_with_its_request(
    tts: DialogueTTS, logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_logs("warning", False)

    def fail(*_: object) -> None:
        raise ArithmeticError("a fault")

    monkeypatch.setattr(tts.synthesizer, "render", fail)
    with TestClient(create_app(tts)) as client:
        answer = client.post("/v1/dialogue", json=BODY, headers={"X-Request-ID": "the-callers-2"})
    assert answer.status_code == 500
    told = logged()
    assert "ERROR [the-callers-2] dialogue_tts.server.metrics: turn 1 of a dialogue\n" in told
    assert "ArithmeticError: a fault" in told and "access" not in told


def test_stages_jobs_and_voices_are_counted(tts: DialogueTTS) -> None:
    with TestClient(create_app(tts)) as client:
        assert client.post("/v1/dialogue", json=BODY | READ_ANEW[0]).status_code == 200
        job = client.post("/v1/jobs", json={"script": BODY["script"]}).json()["id"]
        assert "event: done" in client.get(f"/v1/jobs/{job}/events").text
        text = client.get("/metrics").text
    for stage in STAGES:
        seconds = text.split(f'dialogue_tts_stage_seconds_total{{stage="{stage}"}} ')[1].split("\n")[0]
        assert float(seconds) > 0
    assert 'dialogue_tts_jobs{state="done"} 1.0' in text and 'dialogue_tts_jobs{state="failed"} 0.0' in text
    assert "dialogue_tts_kept_voices 0.0" in text
    assert 'dialogue_tts_request_seconds_count{route="/v1/dialogue"} 1.0' in text


def test_traces_have_a_span_a_request_and_in_it_its_stages(tts: DialogueTTS) -> None:
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    app = create_app(tts)
    trace(app, provider.get_tracer("test"))
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with TestClient(app) as client:
        assert client.post("/v1/dialogue", json=BODY | READ_ANEW[1], headers={"traceparent": caller}).status_code == 200
        client.get("/v1/jobs/some-job")
    found = {span.name: span for span in spans.get_finished_spans()}
    whole = found["POST /v1/dialogue"]
    assert whole.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/dialogue",
        "http.response.status_code": 200,
    }
    assert f"{whole.context.trace_id:032x}" == caller.split("-")[1]
    for name in STAGES:
        assert found[name].parent.span_id == whole.context.span_id
        assert whole.start_time <= found[name].start_time < found[name].end_time
    assert found["GET /v1/jobs/{job_id}"].attributes["http.response.status_code"] == 404
    assert SECRET not in "".join(span.to_json() for span in spans.get_finished_spans())


def test_a_store_that_cannot_be_used_is_told(tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(tts)

    def fail(*_: object) -> None:
        raise StoreError("postgresql://ann@host/talk: the store cannot be used (it sleeps).")

    with TestClient(app) as client:
        jobs = app.state.service.jobs
        assert client.get("/health/ready").status_code == 200
        monkeypatch.setattr(jobs.store, "find", fail)
        answer = client.get("/v1/jobs/some-job")
        assert answer.status_code == 503 and "host" not in answer.text and answer.json()["error"]["code"] == "store"
        jobs.failed = True
        assert client.get("/health/ready").json()["error"]["code"] == "store"
        assert client.get("/health/live").status_code == 200
