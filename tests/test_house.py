"""The house: a module imports only from those before it, and the README names them in that order."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ORDER = (
    "errors recipe storage documents prompts aliases source adapters grading tasks intervals card instructions retrieval "
    "interrupts losses packing models generation examples teacher synthesis retention checkpoint schedule training evaluation "
    "benchmarks run answering conversation exam report modelfile export cli"
).split()
LIGHT = (
    "errors recipe storage documents prompts aliases source adapters grading tasks intervals card instructions retrieval "
    "interrupts answering exam report cli"
).split()
HEAVY = "torch transformers peft bitsandbytes numpy huggingface_hub pypdf mammoth bs4 bm25s lm_eval".split()


def modules() -> list[tuple[str, Path]]:
    package = ROOT / "disc_lite"
    return [
        (path.relative_to(package).with_suffix("").parts[0], path)
        for path in sorted(package.rglob("*.py"))
        if path.parent != package or not path.stem.startswith("__")
    ]


def imported(path: Path) -> set[str]:
    """First names below `disc_lite` that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("disc_lite."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {n.name.split(".")[1] for n in node.names if n.name.startswith("disc_lite.")}
    return found


def test_every_module_has_its_place() -> None:
    assert {name for name, _ in modules()} == set(ORDER)


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda v: v.stem if isinstance(v, Path) else v)
def test_a_module_imports_only_from_those_before_it(name: str, path: Path) -> None:
    later = {other for other in imported(path) if ORDER.index(other) > ORDER.index(name)}
    assert not later


def test_the_readme_lists_the_modules_in_the_order_of_the_data() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert listed == ORDER


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    code = f"import sys, disc_lite, {', '.join('disc_lite.' + m for m in LIGHT)}, disc_lite.run\n"
    code += f"print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_imports_click_and_little_else() -> None:
    code = "import sys\nsys.argv = ['disc-lite', '--help']\nfrom disc_lite.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit:\n    pass\nprint([m for m in ('pydantic', 'rich', 'yaml', *%r) if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code % (tuple(HEAVY),)], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


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
