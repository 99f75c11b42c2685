"""A module imports only from those above it in docs/code-map.md; and other rules that hold for the whole package."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

from tests.tiers import reached

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "disc_lite"
# That page is the only place that defines the order; `python docs/generate.py` writes the rest of it.
ORDER = re.findall(r"^### `(\w+)`$", (ROOT / "docs" / "code-map.md").read_text(), flags=re.MULTILINE)
LIGHT = (
    "version errors recipe storage documents qa hub.aliases hub.families hub.source hub.configuration hub.weights hub.adapters prompts.answering prompts.writing "
    "evaluation.grading evaluation.intervals evaluation.card evaluation.sentences evaluation.instructions evaluation.retrieval run.interrupts "
    "run.gathering run.inputs run.plan run.overhead run.folder run.adapt run.evaluate report chat.opening cli"
).split()
HEAVY = "torch transformers peft bitsandbytes numpy huggingface_hub pypdfium2 mammoth bm25s lm_eval".split()
MOST_ARROWS = 100


@functools.cache
def modules() -> list[tuple[str, Path]]:
    """(room, file) of every module; a room is a module or package directly in disc_lite."""
    return [
        (path.relative_to(PACKAGE).with_suffix("").parts[0], path)
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent != PACKAGE or not path.stem.startswith("__")
    ]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def known() -> set[str]:
    return {PACKAGE.name, *(module_name(path) for _, path in modules())}


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """The modules of disc_lite that a file imports anywhere, including lazily and for annotations."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{name.name}" for name in node.names}
            found |= {name if name in known() else node.module for name in names}
    return frozenset(name for name in found if name.startswith("disc_lite"))


def rooms(names: frozenset[str]) -> set[str]:
    """The rooms of these modules; disc_lite itself is not a room, and no room may import it."""
    return {name.split(".")[1] if "." in name else name for name in names}


def test_every_module_has_its_place() -> None:
    assert {name for name, _ in modules()} == set(ORDER)


def test_a_module_imports_only_from_those_before_it() -> None:
    later = {path: rooms(imported(path)) - set(ORDER[: ORDER.index(name) + 1]) for name, path in modules()}
    assert {path: found for path, found in later.items() if found} == {}


def test_few_arrows_between_the_rooms() -> None:
    arrows = {(name, room) for name, path in modules() for room in rooms(imported(path)) - {name}}
    assert len(arrows) < MOST_ARROWS


def test_no_circle_of_imports() -> None:
    """Imports within a room and within functions count too."""
    graph = {module_name(path): imported(path) - {module_name(path)} for _, path in modules()}
    while leaves := {name for name, found in graph.items() if not found & set(graph)}:
        graph = {name: found for name, found in graph.items() if name not in leaves}
    assert not graph


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    code = f"import sys, disc_lite, {', '.join('disc_lite.' + m for m in LIGHT)}\n"
    code += f"print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_module_that_says_it_imports_no_torch_imports_none() -> None:
    says = [name for name in map(module_name, (path for _, path in modules())) if "not import torch" in _about(name)]
    code = "import importlib, sys\nfor name in %r:\n importlib.import_module(name)\n assert 'torch' not in sys.modules, name"
    done = subprocess.run([sys.executable, "-c", code % says], capture_output=True, text=True, check=False)
    assert len(says) > 20
    assert done.returncode == 0, done.stderr


def _about(name: str) -> str:
    path = ROOT.joinpath(*name.split("."))
    return (
        ast.get_docstring(ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()))
        or ""
    )


def test_help_imports_click_and_little_else() -> None:
    code = "import sys\nsys.argv = ['disc-lite', '--help']\nfrom disc_lite.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit:\n    pass\nprint([m for m in ('pydantic', 'rich', 'yaml', *%r) if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code % (tuple(HEAVY),)], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_nothing_depends_on_an_assert() -> None:
    """`python -O` removes asserts, so they may only tell the type checker that something is not None."""
    working = [
        f"{path.name}:{node.lineno}"
        for _, path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert) and not re.fullmatch(r"[\w.]+ is not None", ast.unparse(node.test))
    ]
    assert working == []


def test_the_source_runs_no_strangers_code() -> None:
    """R11: no pickle, no torch.load, no eval or exec, no shell, no remote code."""
    forbidden = re.compile(
        r"\bpickle\b|torch\.load\b|(?<!\.)\beval\(|\bexec\(|shell=True|trust_remote_code=True|yaml\.load\("
    )
    for _, path in modules():
        lines = [line for line in path.read_text().splitlines() if forbidden.search(line)]
        lines = [line for line in lines if not line.lstrip().startswith(("#", '"'))]
        code = [line for line in lines if "eval()" not in line and "pickle only" not in line]
        assert not code, path
    reached("R11", source_files_searched=len(modules()))
