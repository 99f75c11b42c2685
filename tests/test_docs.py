"""The documentation: its links, commands, settings and names of tests exist, and its generated parts are up to date."""

from __future__ import annotations

import ast
import inspect
import re
import runpy
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

import disc_lite
from disc_lite.cli import cli
from disc_lite.documents.code import SUFFIXES
from disc_lite.documents.formats import FORMATS
from disc_lite.errors import DiscLiteError
from disc_lite.recipe import SETTINGS, load_recipe

ROOT = Path(__file__).resolve().parents[1]
README, DOCS = ROOT / "README.md", ROOT / "docs"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
LINKED = [*PAGES, ROOT / "bench" / "README.md", *sorted((ROOT / "bench" / "notes").glob("*.md"))]
REGENERATE = "run `python docs/generate.py`"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
SETTING = re.compile(
    rf"({'|'.join({key.partition('.')[0] for key in SETTINGS if '.' in key})})\.(?!(?:py|json)$)([a-z]\w*)(?:[=:]|$)"
)
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def prose(page: Path) -> str:
    """The text of a page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def spans(page: Path) -> list[str]:
    """The text between backticks, each span on one line."""
    return [" ".join(span.split()) for span in SPAN.findall(prose(page))]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub generates for the headings of a page."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """(file, anchor or "") of every link to a file of the repository."""
    for link in LINK.findall(prose(page)):
        if not re.match(r"\w+:", link):
            path, _, anchor = link.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def command_lines(page: Path) -> list[str]:
    """Every `disc-lite ...` on a page, in a block or between backticks, up to a pipe or the next command."""
    blocks = [block.replace("\\\n", " ") for kind, block in FENCE.findall(page.read_text()) if kind != "text"]
    found = [line for line in [*"\n".join(blocks).splitlines(), *spans(page)] if line.startswith("disc-lite ")]
    return [re.split(r" [<>|] | && ", line)[0] for line in found]


def parse(line: str) -> None:
    """Raise UsageError where click would if the line were run. Subcommands of a group are only looked up."""
    context = cli.make_context("disc-lite", ["COMMAND"])  # a context with its settings, which subcommands inherit
    command: click.Command = cli
    words = [word for word in shlex.split(line, comments=True)[1:] if word != "--debug"]
    while words and isinstance(command, click.Group):
        name, child, words = command.resolve_command(context, words)
        assert child is not None
        command, context = child, click.Context(child, parent=context, info_name=name)
    if words:
        overrides = command.make_context(context.info_name, words, parent=context.parent).params.get("overrides", {})
        load_recipe("default", overrides, environment={})


def test_the_readme_is_short() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 120] == []


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = [f"{path}#{anchor}" for path, anchor in links(page)
            if not path.exists() or (anchor and anchor not in anchors(path))]  # fmt: skip
    assert dead == []


def test_the_readme_links_every_page() -> None:
    assert set(PAGES) - {README} <= {path for path, _ in links(README)}


def test_every_command_line_can_be_parsed() -> None:
    lines = [line for page in PAGES for line in command_lines(page)]
    assert len(lines) > 30
    for line in lines:
        try:
            parse(line)
        except (click.UsageError, DiscLiteError) as error:
            pytest.fail(f"{line}\n{error}")


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_setting_exists(page: Path) -> None:
    named = [found for span in spans(page) for found in SETTING.findall(span.removeprefix("--set "))]
    given = re.findall(r"--set ([a-z]\w*)(?:\.(\w+))?=", page.read_text())
    assert {".".join(filter(None, parts)) for parts in [*named, *given]} - set(SETTINGS) == set()


@pages
def test_every_make_target_exists(page: Path) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    code = [*spans(page), *(line for _, block in FENCE.findall(page.read_text()) for line in block.splitlines())]
    assert {line.split()[1] for line in code if line.startswith("make ")} - set(targets) == set()


@pages
def test_python_examples_call_what_there_is(page: Path) -> None:
    for tree in (ast.parse(block) for kind, block in FENCE.findall(page.read_text()) if kind == "python"):
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            function = getattr(disc_lite, ast.unparse(call.func).removeprefix("disc_lite."))
            inspect.signature(function).bind(*call.args, **{str(k.arg): k.value for k in call.keywords})


def test_tests_named_in_contributing_exist() -> None:
    tests = "".join(path.read_text() for path in sorted((ROOT / "tests").rglob("test_*.py")))
    named = spans(ROOT / "CONTRIBUTING.md")
    assert [name for name in named if name.startswith("test_") and f"def {name}(" not in tests] == []


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_is_named_exists(page: Path) -> None:
    roots = "disc_lite|tests|bench|docs|recipes|examples|pocket"
    named = {name for name in spans(page) if re.fullmatch(rf"(?:{roots})/[a-z0-9_/.-]+\.[a-z]+", name)}
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_format_is_named() -> None:
    """Source code is named as such; its suffixes are those of the languages."""
    assert set(FORMATS) - set(SUFFIXES) - set(spans(DOCS / "documents.md")) == set()


def test_every_promise_has_tests_that_exist() -> None:
    promises = yaml.safe_load((DOCS / "promises.yaml").read_text())
    assert list(promises) == [f"R{number}" for number in range(1, 28)]
    for promise in promises.values():
        assert promise["tests"]
        for path, name in (test.split("::") for test in promise["tests"]):
            assert f"def {name}(" in (ROOT / "tests" / path).read_text(), name


def test_the_generated_parts_are_up_to_date() -> None:
    for path, text in runpy.run_path(str(DOCS / "generate.py"))["pages"]().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date: {REGENERATE}"


def test_the_tables_hold_every_setting_with_its_default_and_nothing_else() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| `([^`]*)` \|", (DOCS / "recipes.md").read_text(), flags=re.MULTILINE)
    shown = {key: yaml.safe_load(default) for key, default in rows}
    assert shown == {key: setting.default for key, setting in SETTINGS.items()}, REGENERATE
    assert len(rows) == len(shown)


def test_the_reference_holds_every_option_of_every_command() -> None:
    page = (DOCS / "cli.md").read_text()
    sections = dict(re.findall(r"^## ([^\n]+)\n\n```text\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL))
    commands = {"disc-lite": cli, **{f"disc-lite {name}": command for name, command in cli.commands.items()}}
    for group in ("recipes", "models"):
        members = cli.commands[group]
        assert isinstance(members, click.Group)
        commands |= {f"disc-lite {group} {name}": command for name, command in members.commands.items()}
    assert set(sections) == set(commands), REGENERATE
    for name, command in commands.items():
        options = {word for p in command.params if isinstance(p, click.Option) for word in p.opts}
        assert set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", sections[name], flags=re.MULTILINE)) >= {
            word for word in options if word.startswith("--")
        }
