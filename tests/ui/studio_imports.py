"""What a studio's process needs of the world, once for all studios that tests start: see `FORKS`.

Importing it changes the process: it asks no other machine for anything, and notes the names that are looked up meanwhile.
"""

from __future__ import annotations

import os
import socket
from typing import Any

LOOKED_UP: list[str] = []
look_up = socket.getaddrinfo


def _noted(host: Any, *rest: Any, **more: Any) -> Any:
    LOOKED_UP.append(host)
    return look_up(host, *rest, **more)


socket.getaddrinfo = _noted
os.environ |= {
    "OMP_NUM_THREADS": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "no_proxy": "127.0.0.1",
}

import uvicorn  # noqa: E402, F401

import dialogue_tts._ui.app  # noqa: E402
import dialogue_tts.pipeline  # noqa: E402, F401
