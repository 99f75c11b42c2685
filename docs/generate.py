"""Writes the generated parts of the documentation.

These are settings (recipes.md), commands (cli.md), modules (code-map.md), hours by stage (models-and-memory.md),
figures of the plan within sentences (README.md, models-and-memory.md; `<!--one-pass-->7.7<!--/-->`), promises with the
figures that their tests reached (reliability.md, from promises.yaml and bench/results/reliability.json), and surviving
mutants (from bench/results/mutants.json).

`python docs/generate.py` fills the pages between their marker comments; with `--tests` it lists the files of the tests
that belong to the promises instead. `tests/test_docs.py` compares the pages with what this would write.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import yaml

from disc_lite.cli import cli
from disc_lite.hub.aliases import ALIASES
from disc_lite.planning.cards import CARDS, OF_SIZE, Card, usable_bytes
from disc_lite.planning.corpus import Corpus
from disc_lite.planning.estimate import Budget, Plan, plan_run
from disc_lite.planning.memory import ALL_LAYERS, CUDA, Footprint, TrainingSetup
from disc_lite.planning.shapes import shape_of_alias
from disc_lite.planning.sizes import GIB, READING_TOKENS
from disc_lite.planning.workload import workload_of
from disc_lite.recipe import SETTINGS, Recipe, Setting, list_recipes, load_recipe

DOCS = Path(__file__).resolve().parent
PACKAGE = DOCS.parent / "disc_lite"
PROMISES, FIGURES = DOCS / "promises.yaml", DOCS.parent / "bench" / "results" / "reliability.json"
MUTANTS = DOCS.parent / "bench" / "results" / "mutants.json"
COLUMNS = 100  # width of a help text
# From the eight corpora of bench/real (34 documents, 14,546 tokens, 80 passages, 639 sentences to ask about).
TOKENS_OF_A_SENTENCE, TOKENS_OF_A_PASSAGE, SENTENCES_OF_A_DOCUMENT = 22.8, 182, 19
MORE_FOR_DETAILS = 1.4  # factor on the pairs of each sentence because of details
SIZES = (50_000, 500_000, 5_000_000)  # tokens of documents
FIGURE = re.compile(r"<!--([\w.-]+)-->[^<]*<!--/-->")
IN_WORDS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
""".split()
SEVEN_BILLION = ("mistral-7b", "llama-3.1-8b", "qwen3-8b")
SHORT = {"prompt.questions_per_sentence": "2", "train.epochs": "4", "retention.least_share": "0.25"}


def pages() -> dict[Path, str]:
    """Return every page with a generated part, and the text that it should have."""
    recipes, commands, code_map = DOCS / "recipes.md", DOCS / "cli.md", DOCS / "code-map.md"
    models, readme, figures = DOCS / "models-and-memory.md", DOCS.parent / "README.md", plan_figures()
    reliability = DOCS / "reliability.md"
    text = filled(recipes.read_text(encoding="utf-8"), "recipes", recipe_table())
    return {
        recipes: filled(text, "settings", settings_tables()),
        commands: filled(commands.read_text(encoding="utf-8"), "commands", command_reference()),
        models: with_figures(filled(models.read_text(encoding="utf-8"), "hours", hours_tables()), figures),
        readme: with_figures(readme.read_text(encoding="utf-8"), figures),
        code_map: filled(code_map.read_text(encoding="utf-8"), "modules", module_tables(modules_in_order())),
        reliability: filled(
            filled(reliability.read_text(encoding="utf-8"), "promises", promise_table()), "mutants", mutants()
        ),
    }


def filled(page: str, name: str, content: str) -> str:
    """Return the page with `content` between `<!-- name -->` and `<!-- /name -->`; raise ValueError without these."""
    before, begin, rest = page.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->\n")
    if not begin or not end:
        raise ValueError(f"the page has no markers <!-- {name} --> and <!-- /{name} -->")
    return f"{before}{begin}\n{content.strip()}\n\n{end}{after}"


def with_figures(page: str, figures: dict[str, str]) -> str:
    """Return the page with each figure between `<!--name-->` and `<!--/-->`. Raises KeyError for an unknown name."""
    return FIGURE.sub(lambda found: f"<!--{found[1]}-->{figures[found[1]]}<!--/-->", page)


def plan_figures() -> dict[str, str]:
    """Return the plan's figures for training 7B shapes, by name: GiB, passes and hours."""
    recipe = load_recipe("default", {}, environment={}).recipe
    tokens = recipe.train.tokens_per_batch
    plans = {size: planned(SIZES[0], size, recipe) for size in OF_SIZE}
    chosen = {size: plan.choice for size, plan in plans.items() if plan.choice}
    small, setup = chosen[8], chosen[8].setup
    assert (setup.host_embedding, setup.host_checkpoints) == (True, True)  # the pages say so
    assert chosen[24].setup.recomputed == 0
    whole = plans[24].footprint.training(TrainingSetup(tokens, ALL_LAYERS, 32))
    hours = planned(100_000, 24, recipe).minutes(Card("of 50 teraflops", 24, 50, 1000))["training"] / 60
    found = {
        "tokens": f"{tokens:,}", "rank": str(recipe.lora.rank), "one-pass": gib(whole.peak),
        "small": gib(small.stages[-1].peak), "small-passes": IN_WORDS[setup.passes],
        "small-bits": str(setup.optimizer_bits), "hours": IN_WORDS[round(hours)],
    }  # fmt: skip
    for size, choice in chosen.items():
        found[f"again-{size}"] = str(choice.setup.recomputed)
        found[f"peak-{size}"] = gib(choice.stages[-1].peak)
        found[f"pass-{size}"] = f"{choice.setup.micro_batch_tokens:,}"
    setup = TrainingSetup(tokens, ALL_LAYERS, 32)
    setups = {"checkpoints": replace(setup, host_checkpoints=True), "embedding": replace(setup, host_embedding=True),
            "bits": replace(setup, optimizer_bits=8)}  # fmt: skip
    least = TrainingSetup(tokens, ALL_LAYERS, 8, host_checkpoints=True, host_embedding=True)
    for rank in (16, 64):
        shapes = [Footprint(shape_of_alias(ALIASES[name]), "nf4", rank, CUDA) for name in SEVEN_BILLION]
        for name, other in setups.items():
            saved = [gib(each.training(setup).peak - each.training(other).peak, 2) for each in shapes]
            found[f"{name}-{rank}"] = " / ".join(saved)
        peaks = [max(each.training(least).peak, each.reading(READING_TOKENS, 0, True).peak) for each in shapes]
        found[f"least-{rank}"] = " / ".join(map(gib, peaks))
    return found


def gib(size: float, digits: int = 1) -> str:
    return f"{size / GIB:.{digits}f}"


def recipe_table() -> str:
    """Return the name and purpose of every recipe that comes with the package."""
    return table(("recipe", "made for"), [(f"`{name}`", about) for name, about in list_recipes()])


def settings_tables() -> str:
    """Return a table of the settings in no section, then one for every section of a recipe."""
    parts = [f"### The recipe itself\n\nThese are in no section.\n\n{settings_table('')}"]
    for name, field in Recipe.model_fields.items():
        if name not in SETTINGS:
            parts.append(f"### {name}\n\n{field.description}\n\n{settings_table(name)}")
    return "\n\n".join(parts)


def settings_table(section: str) -> str:
    """Return the table of the settings of one section."""
    chosen = [setting for key, setting in SETTINGS.items() if key.rpartition(".")[0] == section]
    return table(("setting", "default", "takes", "what it does"), [row(setting) for setting in chosen])


def row(setting: Setting) -> tuple[str, str, str, str]:
    """Return the cells of one setting; its default is written as in YAML."""
    default = setting.default
    shown = default if isinstance(default, str) and default else json.dumps(default)
    return f"`{setting.key}`", f"`{shown}`", setting.allowed, setting.description


def command_reference() -> str:
    """Return the `--help` of every command, under a heading of its own."""
    return "\n\n".join(f"## {name}\n\n```text\n{help_text}\n```" for name, help_text in help_texts(cli, "disc-lite"))


def help_texts(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """Yield (full name, help text) of a command, then of all commands below it."""
    context = command.make_context(
        name, [], parent=parent, resilient_parsing=True, terminal_width=COLUMNS, max_content_width=COLUMNS
    )
    yield context.command_path, context.get_help()
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from help_texts(found, child, context)


def hours_tables() -> str:
    """Return tables of the hours by stage for corpora and GPUs, as `disc-lite plan` computes them, for two recipes."""
    parts = []
    for name, overrides in (("The default recipe, all ten epochs", {}), ("Shorter", SHORT)):
        recipe = load_recipe("default", overrides, environment={}).recipe
        sets = " ".join(f"--set {key}={value}" for key, value in overrides.items())
        plans = [(tokens, size, planned(tokens, size, recipe)) for tokens in SIZES for size in (8, 12, 24)]
        heads = ("tokens", "card", "generation", "teacher", "training", "hours in all", "states on disk, GiB")
        rows = [hours_row(tokens, size, plan) for tokens, size, plan in plans]
        parts.append(f"**{name}**{f' (`{sets}`)' if sets else ''}\n\n{table(heads, rows)}")
    return "\n\n".join(parts)


def planned(tokens: int, size_gb: int, recipe: Recipe) -> Plan:
    """Return the plan of Mistral-7B for documents of this many tokens, on the usual GPU of this size."""
    sentences = round(tokens / TOKENS_OF_A_SENTENCE)
    documents, passages = round(sentences / SENTENCES_OF_A_DOCUMENT), round(tokens / TOKENS_OF_A_PASSAGE)
    targets = sentences - documents
    corpus = Corpus(
        documents=documents, refused=0, passages=passages, tokens=tokens, sentences=sentences, targets=targets,
        target_tokens=round(targets * TOKENS_OF_A_SENTENCE), read_again=0,
        pairs=round(MORE_FOR_DETAILS * recipe.prompt.questions_per_sentence * sentences),
        longest_document=round(tokens / documents), longest_passage=recipe.documents.passage_tokens,
        longest_sentence=82, counted=False,
    )  # fmt: skip
    budget = Budget(CARDS[OF_SIZE[size_gb]], usable_bytes(size_gb * GIB), None, None)
    return plan_run(shape_of_alias(ALIASES["mistral-7b"]), recipe, corpus, workload_of(corpus, recipe), budget)


def hours_row(tokens: int, size_gb: int, plan: Plan) -> tuple[str, ...]:
    """Return the cells of one plan."""
    by_stage = plan.minutes(CARDS[OF_SIZE[size_gb]])
    hours = [by_stage[stage] / 60 for stage in ("generation", "teacher", "training")]
    cells = [f"{value:.1f}" if value < 100 else f"{value:,.0f}" for value in (*hours, sum(hours))]
    return f"{tokens:,}", f"{OF_SIZE[size_gb]}, {size_gb} GB", *cells, f"{plan.cache_bytes / GIB:.0f}"


def modules_in_order() -> list[str]:
    """Return the modules of the package in the order of the data, which the page itself lists."""
    return re.findall(r"^### `(\w+)`$", (DOCS / "code-map.md").read_text(encoding="utf-8"), flags=re.MULTILINE)


def module_tables(names: list[str]) -> str:
    """Return tables of what each module and each of its files does, from the first lines of their docstrings."""
    parts = []
    for name in names:
        folder = PACKAGE / name
        files = sorted(path for path in folder.rglob("*.py") if path != folder / "__init__.py")
        rows = [(f"`{path.relative_to(folder)}`", summary(path)) for path in files]
        about = summary(folder / "__init__.py" if folder.is_dir() else PACKAGE / f"{name}.py")
        parts.append("\n\n".join([f"### `{name}`", about, *([table(("file", "what it does"), rows)] if rows else [])]))
    return "\n\n".join(parts)


def summary(path: Path) -> str:
    """Return the first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def promise_table() -> str:
    """Return a row for every promise: the fault, the promise, what its tests reached, and their names."""
    promises = yaml.safe_load(PROMISES.read_text(encoding="utf-8"))
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    rows = []
    for name, promise in promises.items():
        tests = [f"tests/{test}" for test in promise["tests"]]
        counts = [reached(figures[test]) for test in tests if test in figures] or ["its tests pass"]
        links = [f"[{test.split('::test_')[1].replace('_', ' ')}](../{test.split('::')[0]})" for test in tests]
        rows.append((name, promise["fault"], promise["promise"], "; ".join(counts), "; ".join(links)))
    return table(("#", "fault", "promise", "reached", "tests"), rows)


def reached(entry: dict[str, Any]) -> str:
    """Return what one test recorded of its tries: "500 kills survived, 61 inside a save"."""
    told = ", ".join(f"{number:,} {what}" for what, number in entry["counts"].items())
    return told if entry["tier"] == "full" else f"{told} (on a push)"


def mutants() -> str:
    """Return tables of the mutants by file with the share that was killed, and of the survivors by kind."""
    found = json.loads(MUTANTS.read_text(encoding="utf-8"))
    files = {**found["files"], "**all**": Counter()}
    for counts in found["files"].values():
        files["**all**"].update(counts)
    rows = [
        (name, f"{counts['mutants']:,}", f"{counts['killed']:,}", f"{counts['killed'] / counts['mutants']:.0%}")
        for name, counts in files.items()
    ]
    kinds = [(f"{number:,}", kind) for kind, number in found["survivors"].items()]
    reasons = table(("survivors", "why no test on a CPU sees them"), kinds)
    return f"{table(('file', 'mutants', 'killed', 'share'), rows)}\n\n{reasons}"


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table; bars inside cells are escaped."""
    lines = [headings, ("---",) * len(headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def files_of_tests() -> list[str]:
    """Return the files of all tests that belong to promises, for `make test-faults`."""
    promises = yaml.safe_load(PROMISES.read_text(encoding="utf-8"))
    return sorted({f"tests/{test.split('::')[0]}" for promise in promises.values() for test in promise["tests"]})


if __name__ == "__main__":
    if sys.argv[1:] == ["--tests"]:
        print("\n".join(files_of_tests()))
        sys.exit()
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path}")
