"""What a real model learns from documents of every domain, by every method, and what it forgets.

`python -m bench.real --model FOLDER|NAME` adapts the model to each domain of `bench/real/corpus` with the recipe of the
same name, and measures with the domain's questions. If it is repeated, the command continues interrupted runs and reads
finished ones. `--table FILE ...` only prints the tables of results.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.real.runs import CORPUS, ORDER, ROOT, Measured, Plan, measure_apart, short_name
from bench.real.tables import markdown
from disc_lite.errors import DiscLiteError, Interrupted
from disc_lite.hub.aliases import resolve
from disc_lite.recipe import load_recipe
from disc_lite.recipe.methods import METHODS
from disc_lite.storage import read_json, write_json, write_text

# Checks that everything runs, not how well it is learned: about ten minutes with 135 million parameters on 2 cores, by
# arithmetic, not measured. Most of the time is generation, so questions, answers and neutral prompts are few and short.
QUICK = {
    "prompt.questions_per_passage": "12", "prompt.question_tokens": "32", "prompt.answer_tokens": "48",
    "retention.prompts": "16", "retention.prompt_tokens": "32", "retention.answer_tokens": "48",
    "retention.share": "0.3", "train.epochs": "5", "train.learning_rate": "1e-3", "train.tokens_per_batch": "1331",
    "evaluation.answer_tokens": "32", "evaluation.long_answer_tokens": "48", "evaluation.rag_passages": "1",
    "evaluation.drift_prompts": "4", "memory.quantize": "none",
}  # fmt: skip


def main(
    arguments: Sequence[str] | None = None, corpus: Path = CORPUS, run: Callable[[Plan], Measured] = measure_apart
) -> int:
    """Run the bench and return the exit code: 1 if a run failed."""
    domains = sorted(path.name for path in corpus.iterdir() if path.is_dir())
    parser = _parser(domains)
    a = parser.parse_args(arguments)
    if a.table:
        print("\n".join(markdown(read_results(path)) for path in a.table), end="")
        return 0
    if not a.model:
        parser.error("--model or --table is needed")
    plans = plans_of(a, domains, corpus)
    _check(parser, a, plans)
    kind = "-quick" if a.quick else ""
    target = a.results or ROOT / "bench" / "results" / f"real-{short_name(a.model)}{kind}"
    measured = []
    for plan in plans:
        measured.append(run(plan))
        save(measured[-1], target)
    print(markdown([r for r in read_results(_json(target)) if r.domain in {plan.title for plan in plans}]), end="")
    return int(any(r.failed for r in measured))


def _parser(domains: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench.real", description=__doc__)
    parser.add_argument("--model", help="a model folder, a name of `disc-lite models`, or a hub id")
    parser.add_argument("--domain", nargs="+", choices=domains, help="default: all")
    parser.add_argument("--document", default="", help="only this file of one domain, and the questions about it")
    parser.add_argument("--method", nargs="+", choices=ORDER, help="default: all")
    parser.add_argument(
        "--quick", action="store_true", help="fewer questions and prompts; by default handbook and prompt"
    )
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--pairs", type=Path, help="pairs.jsonl of an earlier run, for one domain")
    parser.add_argument("--device", help="cuda or cpu; by default cuda where there is one")
    parser.add_argument("--output", type=Path, default=ROOT / "runs" / "real", help="folder of the run folders")
    parser.add_argument("--results", type=Path, help="results without ending; default: bench/results/real-MODEL")
    parser.add_argument("--table", type=Path, nargs="+", metavar="JSON", help="only print these results")
    return parser


def _check(parser: argparse.ArgumentParser, a: argparse.Namespace, plans: Sequence[Plan]) -> None:
    """Report mistakes that concern all runs once, rather than in every run."""
    if "method" in plans[0].overrides:
        parser.error("the method is named with --method")
    if a.pairs and not a.pairs.is_file():
        parser.error(f"there is no file {a.pairs}")
    if a.pairs and len({plan.domain for plan in plans}) > 1:
        parser.error("--pairs are of one domain: name it with --domain")
    if a.pairs and not any(plan.reused for plan in plans):
        parser.error(f"--pairs are for the methods {', '.join(name for name in ORDER if METHODS[name].needs_pairs)}")
    if a.document and (len({plan.domain for plan in plans}) > 1 or not plans[0].documents.is_file()):
        parser.error("--document is a file of one domain: name it with --domain")
    resolve(a.model)
    for plan in plans:
        load_recipe(plan.recipe, plan.overrides)


def plans_of(a: argparse.Namespace, every: Sequence[str], corpus: Path) -> list[Plan]:
    """Return the plans domain by domain, so that the first table is complete early."""
    domains = a.domain or (["handbook"] if a.quick else every)
    methods = a.method or (["prompt"] if a.quick else ORDER)
    overrides = {**(QUICK if a.quick else {}), **dict(text.split("=", 1) for text in a.overrides)}
    return [
        Plan(a.model, domain, method, a.output, overrides, a.quick, a.pairs, a.device, corpus, a.document)
        for domain in domains for method in methods
    ]  # fmt: skip


def save(measured: Measured, target: Path) -> None:
    """Save a result, replacing an earlier one of the same run; results of other runs stay."""
    path = _json(target)
    earlier = read_results(path) if path.is_file() else []
    found = [*(r for r in earlier if r.run != measured.run), measured]
    write_json(path, {"runs": [asdict(r) for r in found]})
    write_text(target.with_name(target.name + ".md"), markdown(found))


def read_results(path: Path) -> list[Measured]:
    return [Measured(**row) for row in read_json(path)["runs"]]


def _json(target: Path) -> Path:
    return target.with_name(target.name + ".json")  # `with_suffix` would cut "qwen2.5-0.5b"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: the run in progress saves its state
    try:
        sys.exit(main())
    except DiscLiteError as error:
        print(*error.lines(), sep="\n", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print(*Interrupted().lines(), sep="\n", file=sys.stderr)
        sys.exit(Interrupted().exit_code)
