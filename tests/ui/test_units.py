"""The page's modules that need no page, by node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NODE = shutil.which("node")
ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(NODE is None, reason="the page's modules are not tested by node: apt-get install nodejs")
def test_modules_by_node() -> None:
    tests = sorted(str(path) for path in (ROOT / "tests/ui/units").glob("*.test.js"))
    done = subprocess.run([str(NODE), "--test", *tests], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-3000:]
