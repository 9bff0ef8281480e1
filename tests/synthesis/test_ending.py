"""A program may end while sound is being made: its exit code stays its own, and it has no last words."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

LISTENS = """
import signal, sys
from dialogue_tts.pipeline import DialogueTTS

tts = DialogueTTS.from_pretrained(sys.argv[1])
script = "\\n".join(f"[{'AB'[n % 2]}] This is line number {n}, and it goes on for quite a while." for n in range(60))
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may inherit to ignore it
stream = tts.stream(script)  # a name that stays keeps the stream open
for chunk in stream:
    print("heard", flush=True)
"""
WAITS = """
import sys
from dialogue_tts.pipeline import DialogueTTS

tts = DialogueTTS.from_pretrained(sys.argv[1])
script = "\\n".join(f"[{'AB'[n % 2]}] This is line number {n}, and it goes on for quite a while." for n in range(60))
ticket = tts.scheduler.submit(tts.plan.script(script, {}, 0, tts.config))
version = 0
while not ticket.progress().turns:
    version = ticket.wait(version)
"""


def python(program: str, bundle: Path) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", program, str(bundle)], **pipes)


@pytest.mark.parametrize(
    ("program", "code", "says"),
    [
        pytest.param(LISTENS + "    break", 0, "", id="a stream left open"),
        pytest.param(LISTENS + "    raise ArithmeticError('mine')", 1, "ArithmeticError: mine\n", id="an error"),
        pytest.param(LISTENS + "    sys.exit(3)", 3, "", id="an exit"),
        pytest.param(WAITS, 0, "", id="a ticket left alone"),
    ],
)
def test_the_program_ends_as_it_says(program: str, code: int, says: str, tiny_bundle_dir: Path) -> None:
    with python(program, tiny_bundle_dir) as process:
        _, told = process.communicate(timeout=180)
    assert process.returncode == code
    assert told.endswith(says) if says else not told


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT that another process could send")
def test_it_can_be_interrupted(tiny_bundle_dir: Path) -> None:
    with python(LISTENS, tiny_bundle_dir) as process:
        assert process.stdout is not None and process.stdout.readline() == "heard\n"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=180)
    assert process.returncode == -signal.SIGINT
    assert told.endswith("KeyboardInterrupt\n") and "terminate called" not in told
