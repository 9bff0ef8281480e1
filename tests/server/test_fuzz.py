"""Requests made up from the server's own description, and from what is not in it: no answer is a server's fault."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import hypothesis
import numpy as np
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from dialogue_tts.dialogue.result import Take
from dialogue_tts.dialogue.turns import Check
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.server.app import create_app
from dialogue_tts.server.limits import Limits
from dialogue_tts.synthesis.request import TakeRequest
from dialogue_tts.synthesis.scheduler import Scheduler
from dialogue_tts.synthesis.synthesizer import DrawnTake, Synthesizer
from dialogue_tts.voices.library import VoiceLibrary

LIMITS = Limits(sound_s=20, script_characters=2000, job_sound_s=30)
ODD = [
    "",
    " ",
    "\0",
    "../../etc/passwd",
    "low",
    "[A] Hi.",
    "[",
    "[pause 9s]",
    "x" * 5000,
    "ünïcödé 𝄞 \u202e",
    "-1",
    "%00",
    "é",
]
VALUES: list[Any] = [None, True, 0, -1, 10**30, 1.5, 1e308, [], {}, [[]], {"": ""}, [None], *ODD]
FIELDS = (
    "script turns voices seed settings format stereo timestamps stream model input voice response_format speed "
    "stream_format speaker text pause_s overlap_s gap_s takes pronunciations loudness_lufs id"
).split()


FEWEST = {GenerationMode.POSITIVE: 110, GenerationMode.NEGATIVE: 45}  # little can be wrong with most routes


class Mute(Synthesizer):
    """Says nothing, at once: what is looked at here is what stands around it."""

    def draw(self, requests: Sequence[TakeRequest], cancelled: Callable[[], bool] = lambda: False) -> list[DrawnTake]:
        return [DrawnTake(request, ()) for request in requests]

    def render(self, drawn: DrawnTake) -> Take:
        request = drawn.request
        return Take(request.turn.text, request.seed, np.zeros(2400, np.float32), (), 1, Check(0.0, 1.0, 1.0))


@pytest.fixture(scope="module")
def app(tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    tts = DialogueTTS.from_pretrained(tiny_bundle_dir, library=VoiceLibrary(tmp_path_factory.mktemp("fuzz") / "voices"))
    tts.synthesizer = Mute(tts.bundle)
    tts.scheduler = Scheduler(tts.synthesizer)
    return create_app(tts, LIMITS)


@pytest.fixture(scope="module")
def description(app: Any) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_answers_are_those_of_the_description(description: Any, mode: GenerationMode) -> None:
    """Of requests that fit it and of requests that do not."""
    asked = 0
    for found in description.get_all_operations():
        operation = found.ok()

        @hypothesis.settings(
            max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(excluded_checks=[positive_data_acceptance])  # no schema knows what a script is

        try:
            ask()
        except Unsatisfiable:  # nothing can be wrong with it
            assert mode == GenerationMode.NEGATIVE
    assert asked > FEWEST[mode]


@pytest.fixture(scope="module")
def client(app: Any) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def made_up(dice: random.Random, depth: int = 0) -> Any:
    """A value of the right kind now and then, of any other else."""
    kind = dice.random()
    if depth < 3 and kind < 0.3:
        return {dice.choice(FIELDS): made_up(dice, depth + 1) for _ in range(dice.randrange(4))}
    if depth < 3 and kind < 0.4:
        return [made_up(dice, depth + 1) for _ in range(dice.randrange(3))]
    return dice.choice(VALUES)


def test_hand_made_requests_get_no_5xx(client: TestClient) -> None:
    dice = random.Random(8)
    starts: dict[str, dict[str, Any]] = {
        "/v1/audio/speech": {"model": "tiny", "input": "Hi.", "voice": "low"},
        "/v1/dialogue": {"script": "[A] Hi."},
        "/v1/jobs": {"turns": [{"speaker": "A", "text": "Hi."}]},
        "/v1/check": {"script": "[A] Hi."},
    }
    seen: set[int] = set()
    for _ in range(300):
        route = dice.choice(list(starts))
        body = starts[route] | {dice.choice(FIELDS): made_up(dice) for _ in range(dice.randrange(1, 3))}
        response = client.post(route, json=body)
        assert response.status_code < 500, (route, body, response.text)
        seen.add(response.status_code)
        if response.status_code >= 400:
            assert response.json()["error"]["message"], body
        elif route == "/v1/jobs":
            client.delete(f"/v1/jobs/{response.json()['id']}")
    assert {200, 202, 400} <= seen


@pytest.mark.parametrize("name", ODD)
def test_odd_names_in_paths_and_queries(client: TestClient, name: str) -> None:
    for path in ("", "/result", "/events"):
        assert client.get(f"/v1/jobs/{quote(name, '')}{path}").status_code in (404, 405)
    assert client.delete(f"/v1/audio/voices/{quote(name, '')}").status_code in (403, 404, 405)
    body = json.dumps({"script": "[A] Hi. [B] Yes."})
    job = client.post("/v1/jobs", content=body, headers={"content-type": "application/json"}).json()["id"]
    query = {"format": name, "speaker": name, "partial": name, "stereo": name}
    for key, value in query.items():
        assert client.get(f"/v1/jobs/{job}/result", params={"partial": True, key: value}).status_code < 500
    form = {"name": name, "consent": name, "consent_who": name, "consent_when": name}
    assert client.post("/v1/audio/voices", data=form, files={"recording": (name or "x", b"RIFF")}).status_code == 400
