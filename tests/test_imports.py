"""Which part may import which, and what no part may do."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from dialogue_tts.extras import EXTRAS, package_of

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "dialogue_tts"
STUDIO = ROOT / "ui"  # which the package knows as dialogue_tts._ui
LINKS = {"_ui", "_models"}  # which lead to ui/ and models/
MODULES = sorted(path for root in (PACKAGE, STUDIO) for path in root.rglob("*.py") if not LINKS & set(path.parts))

RANKS = {
    **dict.fromkeys(("config", "errors", "extras", "files", "stages", "threads"), 0),
    **dict.fromkeys(("script", "settings", "text", "audio", "nn"), 1),
    **dict.fromkeys(("semantic", "acoustic", "codec"), 2),
    **dict.fromkeys(("bundle", "voices"), 3),
    "provenance": 2,
    "dialogue": 4,
    "synthesis": 5,
    "store": 6,
    "pipeline": 6,
    "batch": 7,
    "training": 7,
    "evaluation": 8,
    "server": 8,
    "_ui": 8,
    "cli": 9,
    "__main__": 10,
    "": 10,  # dialogue_tts itself names what is public
}
LONGEST_FILE = 400
STAGES = {"semantic", "acoustic", "codec"}
ALLOWED_ACROSS_STAGES = {("acoustic.model", "codec.rvq")}  # its code embeddings start as the codebooks


def name_of(path: Path) -> str:
    """dialogue_tts/nn/attention.py -> nn.attention; ui/app.py -> _ui.app; __init__.py files are their folders."""
    studio = path.is_relative_to(STUDIO)
    parts = ("_ui", *path.relative_to(STUDIO).parts) if studio else path.relative_to(PACKAGE).parts
    parts = Path(*parts).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    return module.partition(".")[0]


def imports_of(source: str) -> Iterator[str]:
    """Modules of the package that a source imports, at its head or later, without the package's name."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            # `from dialogue_tts.training import augment` imports a module, not a name.
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [n for n in inner if is_module(n)] or [node.module or ""]
        for name in names:
            if part_of(name) == "dialogue_tts":
                yield name.removeprefix("dialogue_tts").removeprefix(".")


def is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


EDGES = [(name_of(path), target) for path in MODULES for target in imports_of(path.read_text(encoding="utf-8"))]


def test_the_walk_sees_imports_in_all_their_forms() -> None:
    source = (
        "import torch, dialogue_tts.bundle\n"
        "from dialogue_tts.training import augment, recipes\n"
        "from dialogue_tts.config import HOP\n"
        "def f():\n    from dialogue_tts import cli\n"
    )
    assert list(imports_of(source)) == ["bundle", "training.augment", "training.recipes", "config", "cli"]
    assert len(MODULES) > 40 and len(EDGES) > 100


def test_every_part_has_a_rank() -> None:
    assert {part_of(name_of(path)) for path in MODULES} == set(RANKS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: name_of(path) or "dialogue_tts")
def test_imports_go_down_or_stay(path: Path) -> None:
    module = name_of(path)
    here = RANKS[part_of(module)]
    upward = [t for t in imports_of(path.read_text(encoding="utf-8")) if RANKS[part_of(t)] > here]
    assert not upward, f"{module} imports {upward}, which stand above it"


def test_modules_import_without_circles() -> None:
    """Within a part and between parts of one rank too."""
    targets: dict[str, set[str]] = {}
    for module, target in EDGES:
        targets.setdefault(module, set()).add(target)

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in done:
            for target in targets.get(module, ()):
                visit(target, (*path, module))
            done.add(module)

    done: set[str] = set()
    for module in targets:
        visit(module, ())


def test_stages_do_not_know_each_other() -> None:
    across = {
        (module, target)
        for module, target in EDGES
        if {part_of(module), part_of(target)} <= STAGES and part_of(module) != part_of(target)
    }
    assert across <= ALLOWED_ACROSS_STAGES


@pytest.mark.parametrize(("part", "users"), [("training", {"training", "cli"}), ("evaluation", {"evaluation", "cli"})])
def test_the_library_does_not_need_training_or_evaluation(part: str, users: set[str]) -> None:
    assert {part_of(module) for module, target in EDGES if part_of(target) == part} == users


@pytest.mark.parametrize("path", MODULES, ids=lambda path: name_of(path) or "dialogue_tts")
def test_nothing_is_unpickled_or_run_from_text(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                found = [alias.name for alias in names if re.match(r"(c?pickle|dill|joblib|shelve)\b", alias.name)]
                assert not found, f"line {node.lineno} imports {found}"
                renamed = [alias.asname for alias in names if alias.name == "torch" and alias.asname]
                assert not renamed, f"line {node.lineno}: `{renamed}.load` would not be seen here"
            case ast.ImportFrom(module=str(module), names=names):
                assert not re.match(r"(c?pickle|dill|joblib|shelve)\b", module), f"line {node.lineno}: {module}"
                taken = {alias.name for alias in names} & {"load", "serialization"}
                assert not (module.partition(".")[0] == "torch" and (taken or "serialization" in module)), (
                    f"line {node.lineno}: torch.load by another name would not be seen here"
                )
            case ast.Call(func=ast.Name(id=name)):
                assert name not in ("eval", "exec", "compile"), f"line {node.lineno} calls {name}"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="load"), keywords=keywords):
                said = {keyword.arg: getattr(keyword.value, "value", None) for keyword in keywords}
                assert said.get("weights_only") is True, f"line {node.lineno}: torch.load of more than weights"
                assert name_of(path) == "evaluation.fairseq", (
                    f"line {node.lineno}: only judges of others need torch.load"
                )
            case ast.Call(keywords=keywords):
                assert "allow_pickle" not in [k.arg for k in keywords], f"line {node.lineno} allows pickles"
    words = re.findall(
        r"\bpickle\b|torch\.load\b(?!\([^()]*weights_only=True\))|(?<![\w.])(?:eval|exec)\(",
        path.read_text(encoding="utf-8"),
    )
    assert not words


OUTSIDE = ["dialogue_tts._models", "dialogue_tts._ui"]  # models/ and ui/ in a checkout


def test_files_are_short_the_root_is_flat_and_no_two_classes_have_one_name() -> None:
    long = {name_of(p): n for p in MODULES if (n := len(p.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE}
    assert not long, f"{long}: cut them"
    assert len(list(PACKAGE.glob("*.py"))) <= 12
    names: dict[str, list[str]] = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names.setdefault(node.name, []).append(name_of(path))
    twice = {name: places for name, places in names.items() if len(places) > 1}
    assert not twice


def test_packages_listed_are_the_packages_there_are() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = settings.split("[tool.setuptools]\n")[1].split("\n[")[0]
    listed = re.findall(r'"([\w.]+)"', section.split("packages = [")[1].split("]")[0])
    folders = {path.parent.relative_to(ROOT) for path in MODULES if path.is_relative_to(PACKAGE)}
    assert all((ROOT / folder / "__init__.py").is_file() for folder in folders), "a folder of modules is no package"
    assert sorted(listed) == sorted([".".join(folder.parts) for folder in folders] + OUTSIDE)


BROUGHT_ALONG = {"anyio", "starlette"}  # by packages that are asked for, as parts of how those are used
ONLY_WITH_EXTRAS = {"server", "store", "_ui", "training", "evaluation"}  # parts that the core's commands do not need


def packages_of(modules: set[str]) -> set[str]:
    """The packages of what a source imports from outside, as requirements name them."""
    known = metadata.packages_distributions() | {"opentelemetry": ["opentelemetry-sdk"]}  # which many share
    return {re.sub(r"[-_.]+", "-", known.get(module, [module])[0]).lower() for module in modules - BROUGHT_ALONG}


def outside(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {part_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(part_of(node.module or ""))
    return found - sys.stdlib_module_names - {"dialogue_tts"}


def required(lines: list[str]) -> set[str]:
    return {re.sub(r"[-_.]+", "-", re.split(r"[<>=\[; ]", line, maxsplit=1)[0]).lower() for line in lines if line}


def test_the_core_imports_what_it_requires_and_extras_bring_the_rest() -> None:
    core = required((ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines())
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = settings.split("[project.optional-dependencies]\n")[1].split("\n[")[0]
    listed = {
        name: required(re.findall(r'"([^"]+)"', values))
        for name, values in re.findall(r"^(\w+) = (\[.*?\])$", section, re.DOTALL | re.MULTILINE)
    }
    for extra, modules in EXTRAS.items():
        assert {package_of(module) for module in modules} <= listed[extra], extra
    brought = set().union(*(listed[extra] for extra in EXTRAS))
    used = {part: set[str]() for part in RANKS}
    for path in MODULES:
        used[part_of(name_of(path))] |= outside(path)
    needed = packages_of(set().union(*(used[part] for part in set(RANKS) - ONLY_WITH_EXTRAS)))
    assert not core - needed, "nothing imports them"
    assert not needed - core - brought, "requirements.txt lacks them"
    assert not packages_of(used["server"] | used["store"] | used["_ui"]) - core - brought
    assert listed["test"] >= {"mypy", "ruff", "pytest"} and core < required(versions_tested())
    assert set().union(*listed.values()) - {"dialogue-tts"} <= required(versions_tested()), "make lock"


def versions_tested() -> list[str]:
    (path,) = ROOT.glob("constraints-*.txt")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[\w.!]+", line) for line in lines), "versions only, and no places"
    return lines


def test_the_pipeline_is_short() -> None:
    """What it offers is made elsewhere."""
    assert len((PACKAGE / "pipeline.py").read_text(encoding="utf-8").splitlines()) <= 250
