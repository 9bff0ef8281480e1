"""The Python examples of the documentation run, and give what they promise."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = re.compile(r"<!-- test -->\n```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("document", ["README.md"])
def test_python_examples_run(document: str, tmp_path: Path) -> None:
    examples = EXAMPLE.findall((ROOT / document).read_text(encoding="utf-8"))
    assert examples
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        for example in examples:
            exec(compile(example, document, "exec"), {})
    finally:
        os.chdir(here)
    assert (tmp_path / "talk.wav").stat().st_size > 24_000
