"""Prints one document of a run."""

from __future__ import annotations

from rich.console import Console

from disc_lite.cli.terminal import print_line
from disc_lite.evaluation.card import ROWS
from disc_lite.storage import JsonObject


def show_document(content: JsonObject, console: Console) -> None:
    """Passages with their sentences and pairs, then the questions of the evaluation."""
    print_line(console, 0, content["document"], "bold")
    if content["outcome"] != "read":
        print_line(console, 0, f"{content['outcome']}: {content['reason']}")
        return
    if content["teachability"] is not None:
        print_line(console, 0, f"teachability {content['teachability']:.2f} nats per token")
    if recall := content["recall"]:
        shares = (f"{ROWS[name]} {row['right']}/{row['of']}" for name, row in recall.items())
        print_line(console, 0, f"right answers: {'; '.join(shares)}")
    for passage in content["passages"]:
        _show_passage(passage, console)
    if content["questions"]:
        console.print()
        print_line(console, 0, f"Evaluation: questions {len(content['questions'])}", "bold")
    for question in content["questions"]:
        _show_question(question, console)


def _show_passage(passage: JsonObject, console: Console) -> None:
    console.print()
    counts = f"tokens {passage['tokens']}, sentences {len(passage['sentences'])}, pairs {len(passage['pairs'])}"
    print_line(console, 0, f"Passage {passage['passage']}: {counts}", "bold")
    for number, sentence in enumerate(passage["sentences"], 1):
        print_line(console, 2, f"{number:>3}  {' '.join(sentence.split())}")
    for pair in passage["pairs"]:
        print_line(console, 2, f"{pair['question']}  {pair['answer']}", "cyan")
        if pair["with_passage"] is not None and pair["without_passage"] is not None:
            scores = f"{_score(pair['with_passage'])} with the passage, {_score(pair['without_passage'])} without"
            print_line(console, 4, f"log-probability per token {scores}", "dim")


def _show_question(question: JsonObject, console: Console) -> None:
    print_line(console, 2, question["question"], "bold")
    print_line(console, 4, f"expected  {' / '.join(question['expected'])}")
    for when in ("before", "after"):
        right = question[f"right_{when}"]
        mark = "right" if right else "wrong"
        print_line(console, 4, f"{when:<8}  {question[when]}  ({mark})", "green" if right else "red")
    places = ", ".join(str(number) for number in question["stands_in"])
    print_line(console, 4, f"answer in passage {places}" if places else "answer in no passage", "dim")
    if pair := question["nearest_pair"]:
        nearest = f"nearest pair, of passage {pair['passage']}, similarity {pair['likeness']:.2f}: {pair['question']}"
        print_line(console, 4, f"{nearest}  {pair['answer']}", "dim")


def _score(value: float) -> str:
    return f"{value:.2f}".removeprefix("-") if abs(value) < 0.005 else f"{value:.2f}"
