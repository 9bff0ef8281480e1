"""What is not installed is told in one sentence, before any work."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dialogue_tts.cli import app
from dialogue_tts.errors import AudioError, DialogueTTSError
from dialogue_tts.extras import EXTRAS, check_extra


@pytest.mark.parametrize(
    ("command", "missing", "said"),
    [
        (["serve"], "uvicorn", 'serve needs uvicorn: pip install "dialogue-tts[server]".'),
        (["serve"], "fastapi_offline", 'serve needs fastapi-offline: pip install "dialogue-tts[server]".'),
        (
            ["serve", "--traces"],
            "opentelemetry",
            '--traces needs opentelemetry-sdk: pip install "dialogue-tts[traces]".',
        ),
        (["serve", "--wyoming"], "wyoming", '--wyoming needs wyoming: pip install "dialogue-tts[wyoming]".'),
        (["ui"], "gradio", 'the studio needs gradio: pip install "dialogue-tts[studio]".'),
        (["mcp"], "mcp", 'mcp needs mcp: pip install "dialogue-tts[mcp]".'),
        (["train", "codec"], "tensorboard", 'training needs tensorboard: pip install "dialogue-tts[train]".'),
        (["benchmark", "--plot", "a.png"], "matplotlib", '--plot needs matplotlib: pip install "dialogue-tts[plot]".'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_says_what_it_lacks(
    command: list[str], missing: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, missing, None)
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2 and result.stdout == "" and not list(tmp_path.iterdir())
    assert result.stderr == f"dialogue-tts: {said}\n"


def test_the_sentence_names_all_that_is_missing_and_what_else_one_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in EXTRAS["server"]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(AudioError) as told:
        check_extra("server", "This", "that", AudioError)
    assert str(told.value) == (
        "This needs alembic, fastapi, fastapi-offline, prometheus-client, python-multipart, python-json-logger, "
        "sqlalchemy, uvicorn: "
        'pip install "dialogue-tts[server]"; or that.'
    )
    with pytest.raises(DialogueTTSError, match="studio"):
        check_extra("studio", "This")
