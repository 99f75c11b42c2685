"""R26: every error has an exit code, a cause and a remedy in at most three lines."""

from __future__ import annotations

import ast
import copy
import re
import signal
from pathlib import Path

import pytest

from disc_lite import errors
from disc_lite.errors import DiscLiteError, Interrupted, NonFiniteError, RunFailed, WillNotFit, memory_ran_out
from tests.tiers import reached

EXIT_CODES = {
    "DiscLiteError": 1,
    "RunFailed": 1,
    "NonFiniteError": 1,
    "UsageError": 2,
    "NothingToTeach": 2,
    "RecipeError": 2,
    "DocumentsError": 2,
    "EnvironmentNotReady": 3,
    "WillNotFit": 4,
    "GateFailed": 5,
    "Interrupted": 130,
}
CLASSES: list[type[DiscLiteError]] = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__module__ == errors.__name__
]


def test_the_table_of_exit_codes_is_complete() -> None:
    assert {kind.__name__: kind.exit_code for kind in CLASSES} == EXIT_CODES
    assert all(issubclass(kind, DiscLiteError) for kind in CLASSES)
    assert issubclass(NonFiniteError, RunFailed)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_has_its_exit_code_cause_and_remedy(kind: type[DiscLiteError]) -> None:
    assert kind.__doc__
    assert "\n" not in kind.__doc__
    error = kind(signal.SIGTERM) if issubclass(kind, Interrupted) else kind("what", "why", "do")
    assert len(error.lines()) == 3
    assert str(error) == "\n".join(error.lines())
    again = copy.copy(error)
    assert again.lines() == error.lines()
    assert again.exit_code == error.exit_code
    reached("R26", classes_of_errors=1)


def test_every_place_that_fails_says_more_than_what_happened() -> None:
    """Every error has a cause or a remedy, except "There is no FILE", which needs neither."""
    kinds, places, bare = {kind.__name__ for kind in CLASSES}, 0, []
    for path in (Path(errors.__file__).parent).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
                places += 1
                parts = len(node.args) + len(node.keywords) + any(isinstance(a, ast.Starred) for a in node.args)
                bare += [ast.unparse(node)] if parts < 2 and node.func.id != "Interrupted" else []
    assert places > 150
    assert [call for call in bare if "There is no " not in call] == []
    reached("R26", places_that_fail=places)


NAMES = ("bitsandbytes", "environment", "pip install")  # with which a line can begin; other names contain punctuation
SMALL = re.compile(rf"(?!{'|'.join(NAMES)})[a-z]+[ ,:]")
WHOLE = re.compile(r"[.?…}]$|: (?:hf |[^.]+$)|^pip install ")  # a command at the end has no full stop


def template(node: ast.expr) -> str:
    """The text of a string in the source, with {} for inserted values; "" if it is no literal."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_the_lines_of_an_error_are_sentences() -> None:
    """Each line begins with a capital or a name, and ends with a full stop or a command."""
    kinds, odd = {kind.__name__ for kind in CLASSES} | {"reporting"}, []
    for path in (Path(errors.__file__).parent).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in kinds:
                lines = map(template, (*node.args, *(keyword.value for keyword in node.keywords)))
                odd += [line for line in lines if line and (SMALL.match(line) or not WHOLE.search(line))]
    assert odd == []


def test_empty_parts_take_no_line() -> None:
    assert DiscLiteError("what").lines() == ["what"]
    assert DiscLiteError("what", remedy="do").lines() == ["what", "do"]


def test_a_cause_of_several_lines_becomes_one() -> None:
    assert DiscLiteError("what\nhappened", "a\n\n  b", "c").lines() == ["what happened", "a b", "c"]


MPS = "(MPS allocated: 5.05 GB, other allocations: 2.29 GB, max allowed: 9.07 GB)"
KERNEL = "CUDA error: out of memory"


@pytest.mark.parametrize(("said", "what", "why"), [
    ("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has 8 GiB.", "CUDA", "Tried to allocate 20.00 MiB"),
    ("XPU out of memory. Tried to allocate 2.00 GiB. GPU 0 has 16 GiB.", "XPU", "Tried to allocate 2.00 GiB"),
    (f"MPS backend out of memory {MPS}. Tried to allocate 563.62 MB on private pool.", "MPS", MPS),
    (
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 64 "
        "bytes. Error code 12 (Cannot allocate memory)", "CPU", "you tried to allocate 64 bytes",
    ),
    (f"{KERNEL}\nKernel errors might be reported later.", "CUDA", KERNEL),
])  # fmt: skip
def test_the_device_whose_memory_ran_out_is_named(said: str, what: str, why: str) -> None:
    assert not memory_ran_out(ValueError("of the bug")) and memory_ran_out(MemoryError())
    assert WillNotFit.out_of_memory(MemoryError("Unable to allocate 8. GiB"), "do").what == "CPU out of memory."
    full = WillNotFit.out_of_memory(RuntimeError(said), "do")
    assert full.lines() == [f"{what} out of memory.", why, "do"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interruption_leaves_as_a_shell_reports_it(number: int, code: int) -> None:
    assert Interrupted(number).exit_code == code
    assert Interrupted(number).signal_number == number
    assert Interrupted.exit_code == 130
