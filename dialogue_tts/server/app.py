"""The application: routes, and what stands around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import metadata
from socket import socket

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import RedirectResponse, Response
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.middleware.cors import CORSMiddleware

from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.server import dialogues, jobs, models, speech, verify, voices
from dialogue_tts.server.clients import Clients, openai_aliases
from dialogue_tts.server.guard import Access, Guard, Head
from dialogue_tts.server.limits import Limits
from dialogue_tts.server.logs import Identified
from dialogue_tts.server.metrics import Counting
from dialogue_tts.server.problems import ApiError, ErrorBody, add_handlers
from dialogue_tts.server.schemas import Health, Version
from dialogue_tts.server.service import Service, ServiceOf
from dialogue_tts.store.database import Database

DESCRIPTION = "A script with speaker turns in, a conversation out, each speaker in the voice of a short recording."
API_VERSION = "1"
ANSWERS = {"4XX": {"model": ErrorBody, "description": "What is wrong, and what to do."}}

open_to_all, watched = APIRouter(tags=["state"]), APIRouter(tags=["state"])


@open_to_all.get("/health")
async def health(service: ServiceOf) -> Health:
    """That the server works."""
    return Health(model=service.tts.bundle_id.name)


@open_to_all.get("/health/live")
async def live(service: ServiceOf) -> Health:
    """That the process answers; restart it when it does not."""
    return Health(model=service.tts.bundle_id.name)


@open_to_all.get("/health/ready", responses={503: {"model": ErrorBody}})
async def ready(service: ServiceOf) -> Health:
    """That sound is being made where some is asked for; send no requests when it is not."""
    if not service.works:
        raise ApiError(503, "no sound is being made any more; restart the server.", "stuck")
    if service.jobs.failed:
        raise ApiError(503, "the store cannot be used; the server's log says why.", "store")
    return Health(model=service.tts.bundle_id.name)


@open_to_all.get("/", include_in_schema=False)
async def start() -> RedirectResponse:
    """The page that lists all routes."""
    return RedirectResponse("/docs")


@watched.get("/version")
async def version(service: ServiceOf) -> Version:
    """What runs here."""
    return Version(version=metadata.version("dialogue-tts"), api_version=API_VERSION, model=service.tts.bundle_id.name)


@watched.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(service: ServiceOf) -> Response:
    """For Prometheus."""
    await service.in_store(service.count)
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def create_app(
    tts: DialogueTTS,
    limits: Limits | None = None,
    access: Access | None = None,
    uploads: bool = True,
    clients: Clients | None = None,
    wyoming: socket | None = None,
    database: Database | None = None,
) -> FastAPI:
    """The server's application. At its shutdown all work ends.

    Args:
        access: who may use it; by default all who reach it.
        uploads: whether clients may add and remove voices.
        clients: how far it meets clients that were written for another service; by default, OpenAI's voices are known.
        wyoming: bound to where the Wyoming protocol is spoken too.
        database: where jobs live; by default in memory, and end with the process.
    """
    limits, access = limits or Limits(), access or Access()

    @asynccontextmanager
    async def working(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(service.working())
            if wyoming is not None:
                from dialogue_tts.server.wyoming import serving  # an extra

                await stack.enter_async_context(serving(service, wyoming))
            yield

    clients = clients or Clients(openai_aliases(tts.bundle.voices.values()))
    service = Service(tts, limits, uploads, clients, database)
    app = FastAPIOffline(
        redoc_url=None,
        title="Dialogue TTS",
        description=DESCRIPTION,
        version=API_VERSION,
        lifespan=working,
        responses=ANSWERS,
    )
    app.state.service = service
    add_handlers(app)
    # `Guard` asks for the key, before a body is read; here it is only described.
    keyed = [Depends(HTTPBearer(auto_error=False, description="An API key."))] if access.keys else []
    for router in (speech.router, models.router, dialogues.router, jobs.router, voices.router, verify.router, watched):
        app.include_router(router, dependencies=keyed)
    app.include_router(open_to_all)
    app.add_middleware(Head)
    app.add_middleware(Guard, access=access, limits=limits)  # the last one added is the first to see a request
    if access.origins:
        app.add_middleware(CORSMiddleware, allow_origins=list(access.origins), allow_methods=["*"], allow_headers=["*"])
    app.add_middleware(Counting, metrics=service.metrics)
    app.add_middleware(Identified)
    return app
