"""API keys: from a file or the environment, and which are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue_tts.errors import DialogueTTSError
from dialogue_tts.server.keys import KEYS_VARIABLE, read_keys

KEY = "a-key-that-is-long-enough"


def test_keys_come_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEYS_VARIABLE, raising=False)
    assert read_keys(None) == ()
    monkeypatch.setenv(KEYS_VARIABLE, f" {KEY},,another-key-for-another ")
    assert read_keys(None) == (KEY, "another-key-for-another")
    path = tmp_path / "keys"
    path.write_text(f"# ours\n{KEY}\t# the studio's\n\nkey-in-a-file, with a #comma\n#{KEY}\n")
    assert read_keys(path) == (KEY, "key-in-a-file, with a #comma")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        (b"\xff\xff", "cannot be read"),
        (b"\n", "no key"),
        (b"# none yet\n", "no key"),
        (b"123", "easy"),
    ],
)
def test_bad_files_of_keys(content: bytes | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DialogueTTSError, match=says):
        read_keys(path)
