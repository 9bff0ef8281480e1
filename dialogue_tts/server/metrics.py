"""What Prometheus reads at /metrics; a registry of its own for each server."""

from __future__ import annotations

import logging

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialogue_tts.errors import DialogueTTSError
from dialogue_tts.synthesis.ticket import Failure, QueueObserver, State

log = logging.getLogger(__name__)


class Metrics(QueueObserver):
    """Counters, gauges and histograms; each may be used from any thread."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.requests = Counter(
            "dialogue_tts_requests", "Requests by route and status.", ["method", "route", "status"], registry=registry
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
    """ASGI middleware: counts requests by the route they took, not by their path."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 499  # nobody was there to be answered

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if route != "none" else "any"
            self.metrics.requests.labels(method, route, str(status)).inc()
