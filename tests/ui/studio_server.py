"""A studio in a process of its own, for tests in a browser.

    python -m tests.ui.studio_server FOLDER PORT BUNDLE SLOW_S [PASSWORD]

Every turn takes SLOW_S seconds at least; one that says "Fail" fails. Names that are looked up go into FOLDER/names.txt.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from typing import Any


def main(folder: Path, port: int, bundle: str, slow_s: float, password: str | None = None) -> None:
    """Serve until the process is ended."""
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
    (folder / "names.txt").touch()
    look_up = socket.getaddrinfo

    def noted(host: Any, *rest: Any, **more: Any) -> Any:
        with (folder / "names.txt").open("a") as names:
            names.write(f"{host}\n")
        return look_up(host, *rest, **more)

    socket.getaddrinfo = noted

    import uvicorn

    from dialogue_tts._ui.app import StudioOptions, build_app
    from dialogue_tts.pipeline import DialogueTTS
    from dialogue_tts.synthesis.synthesizer import Synthesizer

    draw = Synthesizer.draw

    def slow(synthesizer: Synthesizer, requests: Any, cancelled: Any) -> Any:
        until = time.monotonic() + slow_s
        while time.monotonic() < until and not cancelled():
            time.sleep(0.02)
        if any("Fail" in request.turn.text for request in requests):
            raise RuntimeError("/secret/path broke")
        return draw(synthesizer, requests, cancelled)

    if slow_s:
        Synthesizer.draw = slow
        Synthesizer.batch_rows = 1  # a turn at a time
    tts = DialogueTTS.from_pretrained(None if bundle == "-" else bundle)
    uvicorn.run(build_app(tts, StudioOptions(folder, password=password)), port=port, log_level="warning")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], float(sys.argv[4]), *sys.argv[5:])
