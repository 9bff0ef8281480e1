"""The Gradio application: one component whose page is our own, one function that it calls, and who may call it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastapi
import gradio as gr
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from dialogue_tts._ui.guard import RequestGuard
from dialogue_tts._ui.handlers import Handlers, StudioInfo
from dialogue_tts._ui.session import Sessions
from dialogue_tts.config import LOOPBACK
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.provenance.credentials import ContentSigner
from dialogue_tts.synthesis.ticket import QueueLimits

if TYPE_CHECKING:
    from dialogue_tts.store.desks import DeskStore

HERE = Path(__file__).parent
LARGEST_UPLOAD = "200mb"  # of a project with its sound; of others, the handlers take less
START = 'import(new URL("studio/main.js", document.baseURI)).then((page) => page.start(element, server, upload));'


@dataclass(frozen=True)
class StudioOptions:
    """How a studio is run.

    Attributes:
        folder: for what is uploaded and made; nobody else may read it.
        host: that it listens to.
        password: that every visitor has to give; None for none.
        keep_hours: after which the sounds of those who left are deleted.
        longest_queue: dialogues that may wait or be made at once.
        signer: puts Content Credentials into what is downloaded.
    """

    folder: Path
    host: str = "127.0.0.1"
    password: str | None = None
    keep_hours: float = 24.0
    longest_queue: int = 8
    signer: ContentSigner | None = None

    @property
    def personal(self) -> bool:
        """Only this computer's user comes, so voices may be kept on it."""
        return self.host in LOOPBACK


def build_app(tts: DialogueTTS, options: StudioOptions, store: DeskStore | None = None) -> fastapi.FastAPI:
    """The studio as an ASGI application; `store` is where dialogues and voices outlive it, None for nowhere."""
    sounds, uploads = options.folder / "sounds", options.folder / "uploads"
    for folder in (sounds, uploads):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    limits = QueueLimits(requests=options.longest_queue)
    sessions = Sessions(tts, sounds, options.personal, options.keep_hours * 3600, limits, store)
    info = StudioInfo(options.personal, options.keep_hours, uploads, HERE / "examples", options.signer)
    handlers = Handlers(tts, sessions, info)
    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.sessions = sessions
    app.add_middleware(RequestGuard)
    if options.personal:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]"])
    app.mount("/studio", StaticFiles(directory=HERE / "page"))
    recordings = {str(voice.recording.parent.resolve()) for voice in tts.bundle.voices.values()}
    mounted: fastapi.FastAPI = gr.mount_gradio_app(
        app,
        _page(handlers, options),
        path="/",
        allowed_paths=[str(sounds.resolve()), *recordings],
        auth=_login(options.password) if options.password else None,
        auth_message="This studio asks for its password. Any name will do.",
        show_error=False,
        max_file_size=LARGEST_UPLOAD,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        favicon_path=str(HERE / "page" / "icon.png"),
        head='<link rel="stylesheet" href="./studio/studio.css"><meta name="referrer" content="no-referrer">',
    )
    return mounted


def _page(handlers: Handlers, options: StudioOptions) -> gr.Blocks:
    async def call(asked: Any) -> dict[str, Any]:
        """Every question of the page."""
        return await handlers.answer(asked)

    cache = (3600, int(options.keep_hours * 3600))
    page = gr.Blocks(title="Dialogue studio", analytics_enabled=False, delete_cache=cache, fill_width=True)
    with page:
        gr.HTML(
            "",
            html_template='<div class="studio"></div>',
            js_on_load=START,
            apply_default_css=False,
            server_functions=[call],
        )
    return page


def _login(password: str) -> Any:
    def may_enter(name: str, given: str) -> bool:
        return bool(name) and secrets.compare_digest(given.encode(), password.encode())

    return may_enter
