"""A method is one entry of a table, and no other code compares its name."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import disc_lite
from disc_lite.distillation.examples import tokenise
from disc_lite.distillation.methods import LESSON_KINDS, build_lessons
from disc_lite.qa import Pair
from disc_lite.recipe.methods import METHODS
from disc_lite.recipe.schema import MethodName
from tests.made import document_of, recipe_of
from tests.tiny_models import CORPUS

PACKAGE = Path(disc_lite.__file__).parent
PAIRS = (
    Pair("guide.md", 0, "Who runs the workshop?", "Ada Brink."),
    Pair("guide.md", 0, "What opens?", "The workshop."),
)


def test_the_recipe_and_the_table_name_the_same_methods() -> None:
    assert set(METHODS) == set(get_args(MethodName))
    assert {kind for method in METHODS.values() for kind in method.lessons} == set(LESSON_KINDS)


@pytest.mark.parametrize(
    ("method", "kinds"),
    [
        ("disc", ["disc"]),
        ("prompt", ["prompt"]),
        ("both", ["disc", "prompt"]),
        ("next_token", ["next_token"]),
        ("sft", ["prompt"]),
    ],
)
def test_every_method_builds_its_lessons(plain: Callable[[str], Any], method: str, kinds: list[str]) -> None:
    tokens = plain("llama").tokens
    texts = tokenise([document_of(CORPUS)], tokens, 64)
    done = list[int]()
    lessons = build_lessons(texts, PAIRS, tokens, recipe_of(method=method), on_pairs=done.append)
    assert sum(done) == (len(PAIRS) if "prompt" in kinds else 0)
    assert list(lessons.by_kind) == kinds
    for kind, found in lessons.by_kind.items():
        assert {example.kind for lesson in found for example in lesson.examples} == {kind}
        # A teacher has a position for every compared position.
        if METHODS[method].has_teacher:  # type: ignore[index]
            assert all(len(x.teacher_at) == sum(len(e.compared) for e in x.examples) for x in found)
    if not METHODS[method].needs_pairs:  # type: ignore[index]
        assert build_lessons(texts, (), tokens, recipe_of(method=method)) == lessons


def compared_names(path: Path) -> Iterator[str]:
    """Strings that a module compares with something, alone or in a tuple or list."""
    for node in ast.walk(ast.parse(path.read_text())):
        for side in (node.left, *node.comparators) if isinstance(node, ast.Compare) else ():
            parts = side.elts if isinstance(side, (ast.Tuple, ast.List)) else [side]
            yield from (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def test_no_method_is_known_by_its_name_elsewhere() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert not set(compared_names(path)) & set(METHODS), path
