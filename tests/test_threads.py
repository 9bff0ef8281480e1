"""How PyTorch's threads wait for each other."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dialogue_tts.threads import BRIEFLY, WAITING, wait_briefly

PROGRAM = """
import os, sys
from dialogue_tts import cli
assert "torch" not in sys.modules
cli.app = lambda: print(os.environ["GOMP_SPINCOUNT"])
cli.main()
"""


def test_threads_soon_sleep_unless_the_user_says_otherwise() -> None:
    environment = {"HOME": "/"}
    wait_briefly(environment)
    assert environment == {"HOME": "/"} | BRIEFLY


@pytest.mark.parametrize("name", sorted(WAITING))
def test_what_the_environment_says_stays(name: str) -> None:
    environment = {name: "7"}
    wait_briefly(environment)
    assert environment == {name: "7"}


def test_the_command_line_says_so_before_pytorch_is_imported() -> None:
    """OpenMP reads its environment once, as it is loaded."""
    unset = {name: value for name, value in os.environ.items() if name not in WAITING}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=unset, capture_output=True, text=True, timeout=300)
    assert done.stdout == BRIEFLY["GOMP_SPINCOUNT"] + "\n", done.stderr
