"""OpenTelemetry: a span a request, and in it one for each stage of what was made for it. No text and no name goes into one.

Where they go is told by OpenTelemetry's own environment variables, such as OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

import time

from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Tracer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAME = "dialogue-tts"


def exporting_tracer() -> Tracer:
    """A tracer that sends its spans by OTLP over HTTP."""
    provider = TracerProvider(resource=Resource({SERVICE_NAME: NAME}).merge(Resource.create()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer(NAME)


def trace(app: FastAPI, tracer: Tracer) -> None:
    """Have an application's requests and stages traced."""

    def observe(name: str, seconds: float) -> None:
        now = time.time_ns()
        # Whose request it is stands in the context, which the scheduler keeps for each ticket.
        tracer.start_span(name, start_time=now - round(seconds * 1e9)).end(now)

    app.state.service.stage_observers.append(observe)
    app.add_middleware(Traced, tracer=tracer)


class Traced:
    """ASGI middleware: a span around each request, named by the route it took."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self.app, self.tracer = app, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        caller = extract(Headers(scope=scope))
        with self.tracer.start_as_current_span(scope["method"], context=caller, kind=SpanKind.SERVER) as span:

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            try:
                await self.app(scope, receive, noted)
            finally:
                route = getattr(scope.get("route"), "path", "none")
                span.update_name(f"{scope['method']} {route}")
                span.set_attributes({"http.request.method": scope["method"], "http.route": route})
