"""The examples of docs/server.md run, against a server."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import uvicorn

from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.server.app import create_app
from dialogue_tts.server.limits import Limits
from dialogue_tts.voices.library import VoiceLibrary

TEXT = (Path(__file__).parents[2] / "docs" / "server.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.usefixtures("all_reads_well")
EXAMPLES = re.findall(r"<!-- test -->\n```(\w+)\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def port(tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    library = VoiceLibrary(tmp_path_factory.mktemp("docs") / "voices")
    app = create_app(DialogueTTS.from_pretrained(tiny_bundle_dir, library=library))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(("kind", "example"), EXAMPLES, ids=[text.split("\n")[0][:60] for _, text in EXAMPLES])
def test_examples_run(kind: str, example: str, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    t = np.arange(72_000) / 24_000
    soundfile.write("ben.wav", 0.3 * sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 9)), 24_000)
    example = example.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("clara", "low")
    if kind == "python":
        exec(compile(example, "docs/server.md", "exec"), {})
    else:
        if not shutil.which("curl"):
            pytest.skip("curl is not there")
        script = re.sub(r"^\$ ", "", example, flags=re.MULTILINE)
        done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        if "events" in example:
            assert done.stdout.count("event: turn") == 2 and "event: done" in done.stdout
    for name in re.findall(r"(?:-o |stream_to_file\(\")([\w.]+)", example):
        assert Path(name).stat().st_size > (50 if Path(name).suffix in (".json", ".vtt") else 2000), name


def test_limits_are_the_ones_told() -> None:
    limits = Limits()
    assert f"| {limits.requests} (`--queue`), and two hours" in TEXT and limits.waiting_sound_s == 2 * 3600
    assert f"{limits.sound_s / 60:g} minutes (`--longest`), 50 000 characters, {limits.speakers} speakers;" in TEXT
    assert f"{limits.input_characters} characters for `/v1/audio/speech`" in TEXT
    assert (limits.body_bytes, limits.upload_bytes) == (
        1 << 20,
        16 << 20,
    ) and f"| voices kept | {limits.voices} |" in TEXT
    assert limits.script_characters == 50_000 and limits.body_s == limits.unheard_s == limits.stall_s == 60
    assert limits.job_s == 3600
