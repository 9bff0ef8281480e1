"""GET /v1/models, by OpenAI's description, and /v1/audio/models, which Open WebUI asks for."""

from __future__ import annotations

from fastapi import APIRouter

from dialogue_tts.server.clients import OPENAI_MODEL
from dialogue_tts.server.problems import ApiError
from dialogue_tts.server.schemas import AudioModelList, ModelList, ModelOut
from dialogue_tts.server.service import Service, ServiceOf

router = APIRouter(tags=["OpenAI"])


@router.get("/v1/models")
async def models(service: ServiceOf) -> ModelList:
    """The one model there is."""
    return ModelList(data=[_model(service.tts.bundle_id.name)])


@router.get("/v1/models/{model_id}")
async def model(model_id: str, service: ServiceOf) -> ModelOut:
    """The model, by its own name or by one of OpenAI's, which stand for it."""
    check_model(service, model_id, "model_id")
    return _model(model_id)


@router.get("/v1/audio/models")
async def audio_models(service: ServiceOf) -> AudioModelList:
    """The one model there is, as Open WebUI reads it."""
    found = [_model(service.tts.bundle_id.name)]
    return AudioModelList(data=found, models=found)


def check_model(service: Service, asked: str, param: str = "model") -> None:
    """Raises ApiError unless it is the model there is, or one of OpenAI's names."""
    name = service.tts.bundle_id.name
    if asked != name and not OPENAI_MODEL.fullmatch(asked):
        raise ApiError(404, f"there is no model {asked!r}; the one here is {name!r}.", "model_not_found", param)


def _model(name: str) -> ModelOut:
    return ModelOut(id=name, name=name, created=0, owned_by="dialogue-tts")
