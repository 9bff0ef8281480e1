"""`convert`: a script in another format, and what is left out of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine

DOCUMENTS = Path(__file__).parents[1] / "script" / "documents"


def test_a_document_becomes_text(run: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "play.txt"
    result = run("convert", DOCUMENTS / "word-processor.docx", "-o", out, bundle=False)
    assert result.exit_code == 0 and out.read_text(encoding="utf-8").startswith("[Anna] You’re late.")
    assert "directions and the like are left out" in result.stderr and "5 turns, speakers Anna, Ben" in result.stderr
    assert run("check", out, "-q", bundle=False).exit_code == 0


def test_directions_can_be_kept(run: CommandLine, tmp_path: Path) -> None:
    run("convert", "-", "-o", tmp_path / "n.txt", "--directions", "narrator", stdin="Anna: (sighs) So.", bundle=False)
    assert (tmp_path / "n.txt").read_text(encoding="utf-8") == "[Narrator] sighs\n[Anna] So.\n"
    run.refused(
        "convert",
        "-",
        "-o",
        tmp_path / "r.txt",
        "--directions",
        "refused",
        stdin="Anna: (sighs) So.",
        said="(sighs)",
        bundle=False,
    )


def test_what_cannot_be_is_refused(run: CommandLine, tmp_path: Path) -> None:
    run.refused(
        "convert", "-", "-o", tmp_path / "x.pdf", stdin="Anna: So.", said="choose one of these endings", bundle=False
    )
    run.refused("convert", tmp_path / "none.docx", "-o", tmp_path / "x.txt", said="cannot be read", bundle=False)
    play = tmp_path / "play.txt"
    play.write_text("ACT I\n\nAnna: So.", encoding="utf-8")
    run.refused("convert", play, "-o", play, said="this file is read, and would be written over", bundle=False)
    assert play.read_text(encoding="utf-8").startswith("ACT I")
    broken = tmp_path / "broken.docx"
    broken.write_bytes(b"PK\x03\x04")
    run.refused("convert", broken, "-o", tmp_path / "x.txt", said="broken.docx: the document is damaged", bundle=False)
