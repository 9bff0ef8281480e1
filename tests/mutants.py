"""Do the tests notice faults? Each mutant is a fault put into a copy of the package; the tests named for it must fail.

`make mutants` copies package and tests, sees that all these tests pass there, and then runs those of each mutant in a
process of its own, forked after PyTorch was imported: that takes longer than the tests. `python tests/mutants.py FILE ...` does
so with those in some files alone. It needs a system that can fork.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PASSED, FAILED = 0, 1  # pytest's exit codes


class Mutant(NamedTuple):
    """A fault.

    Attributes:
        name: what is wrong.
        file: of the package, in which `before` stands once and is replaced by `after`.
        test: in tests/, as pytest takes it; all that it names, or one of it, must fail.
    """

    name: str
    file: str
    before: str
    after: str
    test: str


MUTANTS = (
    Mutant(
        "the optimiser never steps",
        "training/loop.py",
        "optimizer.step()",
        "pass",
        "training/test_loop.py::test_a_run_learns",
    ),
    Mutant(
        "averages stand still",
        "training/loop.py",
        "self.emas[name].update(network, self.step)",
        "pass",
        "training/test_loop.py::test_averages_follow_the_weights",
    ),
    Mutant(
        "gradients are not clipped",
        "training/loop.py",
        "clip_grad_norm_(network.parameters(), self.config.clip)",
        "clip_grad_norm_(network.parameters(), 1e9)",
        "training/test_loop.py::test_gradients_are_clipped_all_together_and_logged_as_they_were",
    ),
    Mutant(
        "a broken batch is learnt from",
        "training/loop.py",
        "if torch.isfinite(norm):",
        "if True:",
        "training/test_loop.py::test_a_broken_batch_moves_no_weights",
    ),
    Mutant(
        "cancelled tickets are made all the same",
        "synthesis/scheduler.py",
        "            if ticket.ended:\n                return\n            ticket.finish",
        '            if ticket.ended or state == "cancelled":\n                return\n            ticket.finish',
        "synthesis/test_scheduler.py::test_a_cancelled_request_keeps_its_turns_and_others_go_on",
    ),
    Mutant(
        "a late request is served before all others",
        "synthesis/scheduler.py",
        "ticket.paid = self._paid",
        "ticket.paid = 0.0",
        "synthesis/test_scheduler.py::test_a_late_request_starts_level_with_the_others",
    ),
    Mutant(
        "nobody pays for what is made",
        "synthesis/scheduler.py",
        "ticket.paid += drawn.request.phones",
        "pass",
        "synthesis/test_scheduler.py::test_short_requests_do_not_wait_for_a_long_one",
    ),
    Mutant(
        "the worst semantic candidate is taken",
        "synthesis/candidates.py",
        "return min(best, other, key=",
        "return max(best, other, key=",
        "synthesis/test_candidates.py",
    ),
    Mutant(
        "the worst sound is taken",
        "synthesis/candidates.py",
        "other.nll < best.nll",
        "other.nll > best.nll",
        "synthesis/test_candidates.py",
    ),
    Mutant(
        "caches do not look at what a voice holds",
        "synthesis/synthesizer.py",
        "    sha256: str\n    voice: Voice = field(compare=False)",
        "    sha256: str = field(compare=False)\n    voice: Voice = field(compare=False)",
        "test_pipeline.py::test_a_voices_prompt_is_read_once",
    ),
    Mutant(
        "turns follow each other without a gap",
        "dialogue/mix.py",
        "max(sent + held.size + offsets[index], start)",
        "max(sent + held.size, start)",
        "dialogue/test_mix.py::test_turns_in_a_row",
    ),
    Mutant(
        "a turn may start before the one in front of it",
        "dialogue/mix.py",
        "max(sent + held.size + offsets[index], start)",
        "max(sent + held.size + offsets[index], 0)",
        "dialogue/test_mix.py::test_nobody_starts_before_the_turn_in_front",
    ),
    Mutant(
        "a large question is read to its end",
        "_ui/guard.py",
        "if size > LARGEST_QUESTION:",
        "if False:",
        "ui/test_guard.py",
    ),
    Mutant(
        "a final slash leads around the limit",
        "_ui/guard.py",
        'scope["path"].rstrip("/")',
        'scope["path"]',
        "ui/test_guard.py",
    ),
)


def main(files: Sequence[str]) -> int:
    """How many live, of those in `files`, or of all."""
    began = time.monotonic()
    mutants = [mutant for mutant in MUTANTS if not files or mutant.file in files]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder)
        ignored = shutil.ignore_patterns("__pycache__", "_ui")
        shutil.copytree(ROOT / "dialogue_tts", copy / "dialogue_tts", symlinks=True, ignore=ignored)
        shutil.copytree(ROOT / "ui", copy / "dialogue_tts" / "_ui", ignore=ignored)
        shutil.copytree(ROOT / "tests", copy / "tests", ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", copy)
        (copy / "models").symlink_to(ROOT / "models")
        code, told = run_tests(copy, sorted({mutant.test for mutant in mutants}))
        if code != PASSED:
            sys.exit(f"{told}\nthe tests do not pass without a mutant")
        alive = [mutant.name for mutant in mutants if not dies(mutant, copy)]
    print(f"{len(mutants) - len(alive)} of {len(mutants)} mutants died, in {time.monotonic() - began:.0f} s")
    return len(alive)


def dies(mutant: Mutant, copy: Path) -> bool:
    """Whether the tests notice it."""
    path = copy / "dialogue_tts" / mutant.file
    source = path.read_text(encoding="utf-8")
    if source.count(mutant.before) != 1:
        sys.exit(f"{mutant.file}: {mutant.before!r} stands there {source.count(mutant.before)} times")
    path.write_text(source.replace(mutant.before, mutant.after), encoding="utf-8")
    code, told = run_tests(copy, [mutant.test])
    path.write_text(source, encoding="utf-8")
    if code not in (PASSED, FAILED):
        sys.exit(f"{told}\n{mutant.name}: the tests did not run")
    print(f"{'died ' if code == FAILED else 'LIVES'} {mutant.name}", flush=True)
    return code == FAILED


def run_tests(copy: Path, tests: Sequence[str]) -> tuple[int, str]:
    """pytest's exit code and what it wrote, from a process that has imported nothing of the package yet."""
    with tempfile.TemporaryFile() as told:
        child = os.fork()
        if child == 0:
            os.dup2(told.fileno(), 1)
            os.dup2(told.fileno(), 2)
            code = -1
            try:
                code = in_this_process(copy, tests)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code % 256)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        told.seek(0)
        return code, told.read().decode(errors="replace")


def in_this_process(copy: Path, tests: Sequence[str]) -> int:
    import pytest

    os.chdir(copy)
    sys.path[0] = str(copy)  # before the checkout's package
    sys.dont_write_bytecode = True  # two versions of one size in one second would be taken for the same
    import dialogue_tts

    assert Path(dialogue_tts.__file__).is_relative_to(copy.resolve()), dialogue_tts.__file__
    named = [f"tests/{test}" for test in tests]
    return int(pytest.main([*named, "-x", "-q", "-p", "no:cacheprovider", f"--rootdir={copy}"]))


if __name__ == "__main__":
    import torch._dynamo  # noqa: F401  # what takes long to import, once for all

    sys.exit(main(sys.argv[1:]))
