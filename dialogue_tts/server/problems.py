"""What goes wrong, as clients see it: the shape of OpenAI's errors, on every route."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from dialogue_tts.errors import BusyError, DialogueTTSError, ScriptError, SettingsError, StoreError, VoiceError

log = logging.getLogger(__name__)

CODES = {ScriptError: "bad_script", VoiceError: "bad_voice", SettingsError: "bad_settings"}


class Problem(BaseModel):
    """One sentence that says what to do, and which part of the request is meant."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(BaseModel):
    """The body of every answer from 400 on."""

    error: Problem


class ApiError(Exception):
    """A request that cannot be answered as it was meant."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.headers = status, code, param, headers

    def response(self) -> JSONResponse:
        """As it is sent."""
        return answer(self.status, str(self), self.code, self.param, self.headers)


def answer(
    status: int,
    message: str,
    code: str | None = None,
    param: str | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """An error's response."""
    kind = "server_error" if status >= 500 else "requests" if status == 429 else "invalid_request_error"
    problem = Problem(message=message, type=kind, param=param, code=code)
    return JSONResponse(ErrorBody(error=problem).model_dump(), status, headers)


def add_handlers(app: FastAPI) -> None:
    """All errors leave the application in one shape; what nobody expected is logged, and told as little as possible."""

    @app.exception_handler(ApiError)
    async def told(_: Request, error: ApiError) -> JSONResponse:
        return error.response()

    @app.exception_handler(DialogueTTSError)
    async def bad_input(_: Request, error: DialogueTTSError) -> JSONResponse:
        return answer(400, str(error), CODES.get(type(error), "bad_input"))

    @app.exception_handler(StoreError)
    async def no_store(_: Request, error: StoreError) -> JSONResponse:
        log.error("%s", error)
        return answer(503, "the server's store cannot be used; try again later.", "store")

    @app.exception_handler(BusyError)
    async def busy(_: Request, error: BusyError) -> JSONResponse:
        return answer(429, str(error), "busy", headers={"Retry-After": str(error.retry_after_s)})

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first: dict[str, Any] = dict(error.errors()[0])
        if first["loc"] == ("body",) and isinstance(first["input"], bytes | str):  # nobody said that it is JSON
            sent = request.headers.get("content-type")
            told = f"the body came as {sent}" if sent else "the request has no Content-Type"
            return answer(400, f"{told}; send the header Content-Type: application/json.", "content_type")
        where = ".".join(str(part) for part in first["loc"][1:] if not isinstance(part, int) or len(first["loc"]) > 2)
        message = (
            first["ctx"]["error"] if first["type"] == "json_invalid" else first["msg"].removeprefix("Value error, ")
        )
        param = None if first["type"] == "json_invalid" else where or None
        return answer(400, f"{param or 'the body'}: {message}.", first["type"], param)

    @app.exception_handler(HTTPException)
    async def plain(_: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers) if error.headers else None
        return answer(error.status_code, str(error.detail), headers=headers)

    @app.exception_handler(Exception)
    async def fault(_: Request, error: Exception) -> JSONResponse:
        return answer(500, "the server has a fault; try again, or report it.", "fault")
