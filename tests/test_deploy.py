"""What others run the server with: no engine is here to run it, but it can be read, and names what is there."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import typer.main
import yaml

from dialogue_tts.cli import app

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
UNIT = ROOT / "deploy" / "dialogue-tts.service"


def check_serve(arguments: list[str]) -> None:
    """`serve` takes them."""
    assert arguments[0] == "serve"
    serve = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    serve.make_context("serve", arguments[1:])


def test_the_image_installs_what_there_is_and_serves_as_no_root() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = re.findall(r"'\.\[([\w,]+)\]'", DOCKERFILE)[0].split(",")
    assert extras and all(re.search(rf"^{extra} = \[", settings, re.MULTILINE) for extra in extras)
    entry = re.findall(r"^ENTRYPOINT (\[.*\])$", DOCKERFILE, re.MULTILINE)[0]
    program, *arguments = yaml.safe_load(entry)
    assert program == "dialogue-tts"
    check_serve(arguments)
    assert "--uid 10001 " in DOCKERFILE and "\nUSER 10001\n" in DOCKERFILE and "\nHEALTHCHECK " in DOCKERFILE
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert all((ROOT / name).exists() for name in allowed)
    assert {"requirements.txt", "pyproject.toml", "README.md", "dialogue_tts", "models", "ui"} <= set(allowed)


def test_the_services_fit_together() -> None:
    speech, database = COMPOSE["services"]["speech"], COMPOSE["services"]["database"]
    address = speech["environment"]["DIALOGUE_TTS_STORE"]
    assert re.fullmatch(r"postgresql://dialogue:\$\{POSTGRES_PASSWORD:\?[^}]+\}@database/dialogue", address)
    assert database["environment"]["POSTGRES_USER"] == database["environment"]["POSTGRES_DB"] == "dialogue"
    assert {volume.split(":")[0] for volume in database["volumes"]} == set(COMPOSE["volumes"])
    assert speech["depends_on"] == {"database": {"condition": "service_healthy"}} and database["healthcheck"]
    gpu = yaml.safe_load((ROOT / "deploy" / "compose.cuda.yaml").read_text(encoding="utf-8"))
    assert set(gpu["services"]) == {"speech"} and "\nARG TORCH=" in DOCKERFILE
    assert set(gpu["services"]["speech"]["build"]["args"]) == {"TORCH"}
    check_serve(["serve", *gpu["services"]["speech"]["command"]])


def test_the_unit_serves() -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[method-assign, assignment]
    unit.read(UNIT, encoding="utf-8")
    program, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert Path(program).name == "dialogue-tts" and Path(program).is_absolute()
    check_serve(arguments)
    state = f"/var/lib/{unit['Service']['StateDirectory']}/"
    assert arguments[arguments.index("--store") + 1].startswith(state)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not there to judge the unit")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8").replace("/opt/dialogue-tts/bin/dialogue-tts", "/bin/true")  # must be there
    path = tmp_path / UNIT.name
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr
