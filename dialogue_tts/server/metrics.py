"""What Prometheus reads at /metrics; a registry of its own for each server."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialogue_tts.errors import DialogueTTSError
from dialogue_tts.synthesis.ticket import Failure, QueueObserver, State

log = logging.getLogger(__name__)
access = logging.getLogger("dialogue_tts.access")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


class Metrics(QueueObserver):
    """Counters, gauges and histograms; each may be used from any thread."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.requests = Counter(
            "dialogue_tts_requests", "Requests by route and status.", ["method", "route", "status"], registry=registry
        )
        self.request_seconds = Histogram(
            "dialogue_tts_request_seconds",
            "Time from a request to the end of its answer.",
            ["route"],
            buckets=(0.01, 0.1, 0.5, 1, 2, 4, 8, 16, 32, 64, 128),
            registry=registry,
        )
        self.stages = Counter(
            "dialogue_tts_stage_seconds", "Time spent in each stage of the synthesis.", ["stage"], registry=registry
        )
        self.dialogues = Counter("dialogue_tts_dialogues", "Dialogues by how they ended.", ["state"], registry=registry)
        self.in_queue = Gauge("dialogue_tts_active", "Dialogues waiting or being made.", registry=registry)
        self.sound = Counter("dialogue_tts_sound_seconds", "Sound made, in seconds.", registry=registry)
        self.first_sound = Histogram(
            "dialogue_tts_first_sound_seconds",
            "Time from a request to its first turn's sound.",
            buckets=(0.25, 0.5, 1, 2, 4, 8, 16, 32, 64),
            registry=registry,
        )
        self.batched_turns = Histogram(
            "dialogue_tts_batched_turns",
            "Turns whose semantic tokens were drawn together.",
            buckets=(1, 2, 3, 4, 5, 6, 7, 8),
            registry=registry,
        )

        self.jobs = Gauge("dialogue_tts_jobs", "Jobs in the store by state.", ["state"], registry=registry)
        self.voices = Gauge("dialogue_tts_kept_voices", "Voices that are kept.", registry=registry)

    def stored(self, jobs: Mapping[State, int], voices: int) -> None:
        """So many there are."""
        for state in get_args(State):
            self.jobs.labels(state).set(jobs.get(state, 0))
        self.voices.set(voices)

    def stage(self, name: str, seconds: float) -> None:
        """A stage took so long."""
        self.stages.labels(name).inc(seconds)

    def active(self, tickets: int) -> None:
        self.in_queue.set(tickets)

    def drawn_together(self, takes: int) -> None:
        self.batched_turns.observe(takes)

    def heard(self, sound_s: float, first_after_s: float | None) -> None:
        self.sound.inc(sound_s)
        if first_after_s is not None:
            self.first_sound.observe(first_after_s)

    def ended(self, state: State, failure: Failure | None) -> None:
        self.dialogues.labels(state).inc()
        if failure and not isinstance(failure.error, DialogueTTSError):
            log.error("turn %d of a dialogue", failure.turn + 1, exc_info=failure.error)


class Counting:
    """ASGI middleware: counts and logs requests by the route they took; a path may hold a job's id or a voice's name."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, began = 499, time.monotonic()  # of whom nobody was there to be answered

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in METHODS else "other"  # a client may invent any number
            method = method if route != "none" else "any"
            self.metrics.requests.labels(method, route, str(status)).inc()
            seconds = time.monotonic() - began
            self.metrics.request_seconds.labels(route).observe(seconds)
            facts = {"method": method, "route": route, "status": status, "seconds": round(seconds, 3)}
            access.info("%s %s %d in %.3f s", method, route, status, seconds, extra=facts)
