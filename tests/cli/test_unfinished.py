"""`synthesize` and `batch` that were killed, interrupted or refused: what was made stays, and the bytes are the same."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from dialogue_tts.dialogue.result import Take
from dialogue_tts.dialogue.work_folder import opened
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.synthesis.request import TakeRequest
from dialogue_tts.synthesis.synthesizer import DrawnTake, Synthesizer

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine

SCRIPT = "[Anna] Good evening, Ben.\n[Ben] Hello!\n[Anna] Is it late?\n[Ben] No.\n"
TURNS = 4

Files = dict[str, bytes]


@pytest.fixture(autouse=True)
def loaded_once(tiny_tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DialogueTTS, "from_pretrained", lambda *_, **__: tiny_tts)


@pytest.fixture(scope="module")
def made() -> dict[tuple[object, ...], Any]:
    """What the networks made before: they need not make it again to be asked for it."""
    return {}


@pytest.fixture(autouse=True)
def rendered(made: dict[tuple[object, ...], Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said in the turns that are asked for."""
    asked: list[str] = []
    draw, render = Synthesizer.draw, Synthesizer.render

    def key(request: TakeRequest) -> tuple[object, ...]:
        return request.turn.text, request.seed, request.speed, request.voice.sha256

    def drawn_once(self: Synthesizer, requests: Sequence[TakeRequest], *_: object) -> list[DrawnTake]:
        for request in requests:
            if ("drawn", key(request)) not in made:
                (made["drawn", key(request)],) = draw(self, [request])
        return [made["drawn", key(request)] for request in requests]

    def rendered_once(self: Synthesizer, drawn: DrawnTake) -> Take:
        asked.append(drawn.request.turn.text)
        if key(drawn.request) not in made:
            made[key(drawn.request)] = render(self, drawn)
        return cast("Take", made[key(drawn.request)])

    monkeypatch.setattr(Synthesizer, "draw", drawn_once)
    monkeypatch.setattr(Synthesizer, "render", rendered_once)
    return asked


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.txt"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "talk.wav"


def files(folder: Path) -> Files:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def kill_points(work: Callable[[], None], folder: Path) -> Iterator[Files]:
    """Every state of a folder in which `kill -9` could leave it: before each file is renamed or taken away, and at the end."""
    states: list[Files] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("replace", "unlink"):
            was = getattr(Path, name)

            def watched(path: Path, *args: object, _was: Callable[..., object] = was, **options: object) -> object:
                states.append(files(folder))
                return _was(path, *args, **options)

            patch.setattr(Path, name, watched)
        work()
    states.append(files(folder))
    yield from (state for number, state in enumerate(states) if number == 0 or state != states[number - 1])


def restore(state: Files, folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    for name, data in state.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)


def takes_in(state: Files) -> int:
    return sum(name.endswith(".take") for name in state)


def test_killed_at_any_moment_it_goes_on_and_the_bytes_are_those_of_an_undisturbed_run(
    run: CommandLine, script: Path, out: Path, rendered: list[str]
) -> None:
    def speak() -> None:
        assert run("synthesize", script, "-o", out, "--seed", 7, "--srt", out.with_name("a.srt")).exit_code == 0

    states = list(kill_points(speak, out.parent))
    whole = files(out.parent)
    assert set(whole) == {"talk.wav", "a.srt"} and len(states) > 10
    assert {takes_in(state) for state in states} == set(range(TURNS + 1))
    for state in states[:: len(states) // 10]:
        restore(state, out.parent)
        rendered.clear()
        speak()
        assert files(out.parent) == whole
        assert len(rendered) == TURNS - takes_in(state)


def test_a_batch_that_is_killed_at_any_moment_goes_on(
    run: CommandLine, tmp_path: Path, out: Path, rendered: list[str]
) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for name in ("one", "two"):
        (scripts / f"{name}.txt").write_text(SCRIPT.replace("late", name), encoding="utf-8")

    def speak() -> None:
        assert run("batch", scripts, out.parent, "--seed", 7).exit_code == 0

    def told(state: Files) -> Files:
        """Without what the clock says."""
        records = {name: json.loads(data) for name, data in state.items() if name.endswith(".json")}
        return state | {name: json.dumps(record | {"work_s": 0}).encode() for name, record in records.items()}

    states = list(kill_points(speak, out.parent))
    whole = files(out.parent)
    assert set(whole) == {"one.wav", "one.json", "two.wav", "two.json"} and len(states) > 20
    for state in states[:: len(states) // 10]:
        restore(state, out.parent)
        rendered.clear()
        speak()
        assert told(files(out.parent)) == told(whole)
        done = TURNS * sum(name in state for name in ("one.json", "two.json"))
        left = takes_in({name: data for name, data in state.items() if f"{name[:3]}.json" not in state})
        assert len(rendered) == 2 * TURNS - done - left


def interrupt_after(turns: int, monkeypatch: pytest.MonkeyPatch, number: int = signal.SIGINT) -> None:
    """A signal comes when so many turns are kept."""
    from dialogue_tts.dialogue.work_folder import WorkFolder

    keep, kept = WorkFolder.keep, []

    def counted(self: WorkFolder, *args: object) -> None:
        keep(self, *args)  # type: ignore[arg-type]
        kept.append(1)
        if len(kept) == turns:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(WorkFolder, "keep", counted)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_says_how_to_go_on_and_the_seed_stays(
    run: CommandLine, script: Path, out: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may inherit to ignore it
    with monkeypatch.context() as patch:
        interrupt_after(2, patch, number)
        result = run("synthesize", script, "-o", out)
    signal.signal(signal.SIGINT, before)
    assert result.exit_code == code and result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{out}: interrupted after ") and "the same command goes on, and with --partial" in line
    assert sorted(p.name for p in out.parent.iterdir()) == ["talk.wav.work"]
    result = run("synthesize", script, "-o", out)  # a new seed would be that of another dialogue
    assert result.exit_code == 0 and "2 of 4 turns made before" in result.stderr
    seed = result.stderr.split("seed ")[-1].strip()
    assert run("synthesize", script, "-o", out.with_name("b.wav"), "--seed", seed).exit_code == 0
    assert out.read_bytes() == out.with_name("b.wav").read_bytes()
    assert sorted(p.name for p in out.parent.iterdir()) == ["b.wav", "talk.wav"]


@pytest.fixture
def unfinished(run: CommandLine, script: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Two of four turns are made; what stands there then."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with monkeypatch.context() as patch:
        interrupt_after(2, patch)
        assert run("synthesize", script, "-o", out, "--seed", 7).exit_code == 130
    signal.signal(signal.SIGINT, before)
    return files(out.parent)


def test_partial_writes_what_there_is_and_leaves_the_rest_to_be_made(
    run: CommandLine, script: Path, out: Path, unfinished: Files
) -> None:
    times = out.with_name("times.json")
    with opened(out):  # another process may be making it
        result = run("synthesize", script, "-o", out, "--partial", "--timestamps", times)
    assert result.exit_code == 0 and "the first 2 of 4 turns" in result.stderr and "without --partial" in result.stderr
    beginning = out.read_bytes()
    assert [turn["text"] for turn in json.loads(times.read_text())["turns"]] == ["Good evening, Ben.", "Hello!"]
    times.unlink()
    assert files(out.parent) == unfinished | {"talk.wav": beginning}
    assert run("synthesize", script, "-o", out).exit_code == 0
    assert len(out.read_bytes()) > len(beginning) and files(out.parent).keys() == {"talk.wav"}
    run.refused("synthesize", script, "-o", out, "--partial", said="there is no unfinished work on it")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--seed", 8], "another seed"),
        (["--speed", 1.1], "another settings"),
        (["--voice", "Anna=high", "--voice", "Ben=high"], "another cast of voices"),
        (["--turns", "1-3"], "another script"),
    ],
)
def test_unfinished_work_on_something_else_is_left_alone(
    run: CommandLine, script: Path, out: Path, unfinished: Files, options: list[object], said: str
) -> None:
    seed = [] if "--seed" in options else ["--seed", 7]
    said = f"talk.wav.work: the unfinished work there has {said}; finish it with its own command, remove the folder"
    run.refused("synthesize", script, "-o", out, *seed, *options, said=said)
    run.refused("synthesize", script, "-o", out, *seed, *options, "--partial", said=said)
    assert files(out.parent) == unfinished


def test_two_processes_do_not_make_one_dialogue(run: CommandLine, script: Path, out: Path) -> None:
    with opened(out):
        run.refused("synthesize", script, "-o", out, said="another process is making this dialogue")
    assert files(out.parent) == {}


def test_a_batch_does_not_begin_while_another_makes_one_of_its_scripts(
    run: CommandLine, script: Path, out: Path
) -> None:
    with opened(out.with_name("script.wav")):
        run.refused("batch", script.parent, out.parent, said="script.wav.work: another process is making this dialogue")


def test_a_disk_that_gets_full_is_told_and_what_was_made_stays(
    run: CommandLine, script: Path, out: Path, unfinished: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        run.refused(
            "synthesize", script, "-o", out, said="nothing more can be kept (No space left on device); make room"
        )
    assert files(out.parent) == unfinished
    assert run("synthesize", script, "-o", out).exit_code == 0


def test_some_turns_sound_as_they_do_in_the_whole(run: CommandLine, script: Path, out: Path) -> None:
    whole, some = out.with_name("whole.json"), out.with_name("some.json")
    for path, options in ((whole, []), (some, ["--turns", "2-3"])):
        result = run("synthesize", script, "-o", out, "--seed", 7, "--project", path, *options)
        assert result.exit_code == 0
    turns = [json.loads(path.read_text(encoding="utf-8"))["turns"] for path in (whole, some)]
    assert turns[1] == turns[0][1:3]


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ("0-2", "write the first"),
        ("3-2", "write the first"),
        ("x", "--turns x: write the first"),
        ("2-9", "turns 1 to 4"),
    ],
)
def test_turns_that_are_not_there(run: CommandLine, script: Path, out: Path, turns: str, said: str) -> None:
    run.refused("synthesize", script, "-o", out, "--turns", turns, said=said)
    assert files(out.parent) == {}


def test_a_file_for_each_scene(run: CommandLine, tmp_path: Path, out: Path) -> None:
    play = tmp_path / "play.txt"
    play.write_text("Scene 1: Night\n\nANNA: Hello.\n\nBEN: Yes.\n\nScene 2\n\nANNA: Is it late?\n", encoding="utf-8")
    scenes = out.with_name("scenes")
    assert run("synthesize", play, "-o", out, "--seed", 7, "--scenes", scenes).exit_code == 0
    assert set(files(out.parent)) == {"talk.wav", "scenes/01-Scene 1_ Night.wav", "scenes/02-Scene 2.wav"}
    third = ["--turns", 3, "--seed", 7, "-o", out.with_name("b.wav")]
    assert run("synthesize", play, *third).exit_code == 0
    assert (scenes / "02-Scene 2.wav").read_bytes() == out.with_name("b.wav").read_bytes()


def test_scenes_that_are_not_there(run: CommandLine, script: Path, out: Path) -> None:
    scenes = out.with_name("scenes")
    run.refused("synthesize", script, "-o", out, "--scenes", scenes, said="no scene begins there; write headings")
    run.refused("synthesize", script, "-o", out, "--scenes", scenes, "--turns", 1, said="do not go together")
    assert files(out.parent) == {}


def test_the_version(run: CommandLine) -> None:
    from dialogue_tts import __version__

    assert run("--version", bundle=False).stdout == f"dialogue-tts {__version__}\n"
