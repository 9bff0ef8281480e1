"""A program may end while sound is being made: its exit code stays its own, and it has no last words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows cannot copy a process, nor interrupt one")
LISTENS = """
import signal, sys
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.settings import SynthesisConfig

tts = DialogueTTS.from_pretrained(sys.argv[1], SynthesisConfig(takes=1, sound_takes=1))
script = "\\n".join(f"[{'AB'[n % 2]}] This is line number {n}." for n in range(60))
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may inherit to ignore it
stream = tts.stream(script)  # a name that stays keeps the stream open
for chunk in stream:
    print("heard", flush=True)
"""
WAITS = """
import sys
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.settings import SynthesisConfig

tts = DialogueTTS.from_pretrained(sys.argv[1], SynthesisConfig(takes=1, sound_takes=1))
script = "\\n".join(f"[{'AB'[n % 2]}] This is line number {n}." for n in range(60))
ticket = tts.scheduler.submit(tts.plan.script(script, {}, 0, tts.config))
version = 0
while not ticket.progress().turns:
    version = ticket.wait(version)
"""
ENDS = {
    "a stream left open": LISTENS + "    break",
    "an error": LISTENS + "    raise ArithmeticError('mine')",
    "an exit": LISTENS + "    sys.exit(3)",
    "a ticket left alone": WAITS,
    "interrupted": LISTENS,
}
# Each program is a copy of this one, so that PyTorch is imported and the lexicons are read once for all, and ends as any other:
# the interpreter takes down its threads and what it holds.
HOST = """
import json, os, signal, sys
import dialogue_tts.pipeline
from dialogue_tts.text.phonemes import TextFrontend

TextFrontend()

def copied(name):
    heard, out = os.pipe()
    said, err = os.pipe()
    pid = os.fork()
    if not pid:
        os.dup2(out, 1), os.dup2(err, 2)
        for end in (heard, out, said, err):
            os.close(end)
        signal.alarm(150)  # the end of one that hangs
        return None
    os.close(out), os.close(err)
    with open(heard) as heard, open(said) as said:
        if heard.readline() and name == "interrupted":
            os.kill(pid, signal.SIGINT)
        heard.read()
        told = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), told

programs, program, found = json.loads(sys.argv.pop()), "", {}
for name, code in programs.items():
    ended = copied(name)
    if ended is None:
        program = code
        break
    found[name] = ended
if program:
    exec(program)
else:
    print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def ended(tiny_bundle_dir: Path) -> dict[str, tuple[int, str]]:
    """Of each program, its exit code and what it told on standard error."""
    command = [sys.executable, "-c", HOST, str(tiny_bundle_dir), json.dumps(ENDS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=True)
    return {name: (code, told) for name, (code, told) in json.loads(done.stdout).items()}


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("a stream left open", 0, ""),
        ("an error", 1, "ArithmeticError: mine\n"),
        ("an exit", 3, ""),
        ("a ticket left alone", 0, ""),
        ("interrupted", -signal.SIGINT, "KeyboardInterrupt\n"),
    ],
)
def test_the_program_ends_as_it_says(name: str, code: int, says: str, ended: dict[str, tuple[int, str]]) -> None:
    found, told = ended[name]
    assert found == code
    assert (told.endswith(says) and "terminate called" not in told) if says else not told
