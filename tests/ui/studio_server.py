"""A studio in a process of its own, for tests in a browser."""

from __future__ import annotations

import os
import socket
import time
from functools import partial
from pathlib import Path
from typing import Any

PACE = "pace.txt"  # in the studio's folder: how many seconds a turn takes at least, while tests say so


def main(folder: Path, port: int, bundle: str | None, password: str | None = None) -> None:
    """Serve until the process is ended.

    A turn that says "Fail" fails. Names that are looked up go into FOLDER/names.txt. With FOLDER/pace.txt, turns are made one
    at a time, and take so long.
    """
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")

    from tests.ui import studio_imports

    def noted(host: Any, *rest: Any, **more: Any) -> Any:
        with (folder / "names.txt").open("a") as names:
            names.write(f"{host}\n")
        return studio_imports.look_up(host, *rest, **more)

    (folder / "names.txt").write_text("".join(f"{host}\n" for host in studio_imports.LOOKED_UP))
    socket.getaddrinfo = noted

    import uvicorn

    from dialogue_tts._ui import asked
    from dialogue_tts._ui.app import StudioOptions, build_app
    from dialogue_tts.pipeline import DialogueTTS
    from dialogue_tts.synthesis.synthesizer import Synthesizer

    draw = Synthesizer.draw

    def paced(synthesizer: Synthesizer, requests: Any, cancelled: Any) -> Any:
        until = time.monotonic() + float((folder / PACE).read_text())
        while time.monotonic() < until and not cancelled():
            time.sleep(0.02)
        if any("Fail" in request.turn.text for request in requests):
            raise RuntimeError("/secret/path broke")
        return draw(synthesizer, requests, cancelled)

    if bundle:  # random networks never read back well: nothing is drawn twice
        asked.SynthesisConfig = partial(asked.SynthesisConfig, takes=1, sound_takes=1)
    if (folder / PACE).exists():
        Synthesizer.draw = paced
        Synthesizer.batch_rows = 1  # a turn at a time
    tts = DialogueTTS.from_pretrained(bundle)
    uvicorn.run(build_app(tts, StudioOptions(folder, password=password)), port=port, log_level="warning")
