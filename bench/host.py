"""What a large folder costs besides the model's arithmetic: processor seconds of each part that handles its pairs.

`python -m bench.host`: 20 and 80 made-up documents of 128 sentences with a pair each, and pocket's tokenizer; no model
is loaded; about a minute on one core. `--documents 200` is a folder of about a million of pocket's tokens. The pairs
are mixed, as a file of pairs can be. Writes `results/host.md`.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from disc_lite.documents import read_documents
from disc_lite.documents.tokens import tokenizer_of
from disc_lite.evaluation.card import overlaps
from disc_lite.evaluation.retrieval import best_passages
from disc_lite.planning.corpus import corpus_of
from disc_lite.prompts.texts import shown_passages, text_of
from disc_lite.qa import Question, read_pairs
from disc_lite.recipe import Recipe
from disc_lite.synthesis.contradictions import between_documents, contradicted
from disc_lite.synthesis.places import placed

ROOT = Path(__file__).resolve().parents[1]
SIZES = (20, 80)  # documents
SENTENCES = 128  # of a document
QUESTIONS = 100
SYLLABLES = "ba bri cor dra fen gro hal ith kel lor mun nar ost pra quil ras sul tor ulm ven wick yar zel".split()
NOUNS = "workshop harbour mill archive bakery bridge ferry garden school market tower foundry library chapel".split()
THINGS = "barrels lanterns ledgers bricks ropes carts bells anchors maps looms pumps ladders crates keys".split()


def name(rng: Random) -> str:
    return "".join(rng.choices(SYLLABLES, k=3)).capitalize()


def write_folder(folder: Path, documents: int) -> tuple[Path, Path]:
    """Write documents and a file of pairs; no two of the names are likely to be the same. Returns both paths."""
    rng, rows, docs = Random(0), list[dict[str, str]](), folder / "docs"
    docs.mkdir()
    for number in range(documents):
        lines = [f"# The {rng.choice(NOUNS)} of {name(rng)}\n\n"]
        for sentence in range(SENTENCES):
            noun, town, who, count, thing = (
                rng.choice(NOUNS),
                name(rng),
                name(rng),
                rng.randint(2, 9999),
                rng.choice(THINGS),
            )
            lines.append(f"The {noun} of {town} was built in {rng.randint(1500, 1999)} by {who} with {count} {thing}.")
            lines.append("\n\n" if sentence % 4 == 3 else " ")
            question, answer = f"How many {thing} did the builder of {town} have?", f"{who} had {count} {thing}."
            rows.append({"question": question, "answer": answer, "document": f"{number:04}.md"})
        (docs / f"{number:04}.md").write_text("".join(lines), encoding="utf-8")
    rng.shuffle(rows)
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return docs, folder / "pairs.jsonl"


def measure(documents: int) -> tuple[int, dict[str, float]]:
    """Return the number of tokens, and the processor seconds of each part."""
    seconds, recipe, tokenizer = dict[str, float](), Recipe(), tokenizer_of(ROOT / "disc_lite" / "pocket")
    assert tokenizer is not None

    def timed(part: str, function: Callable[..., Any], *arguments: Any) -> Any:
        begin = time.process_time()
        found = function(*arguments)
        seconds[part] = time.process_time() - begin
        return found

    def cut(some: Iterable[Any]) -> list[Any]:
        return [text_of(document, tokenizer, recipe.documents.passage_tokens) for document in some]

    with TemporaryDirectory() as scratch:
        docs, file = write_folder(Path(scratch), documents)
        read, _ = timed("documents are read", read_documents, [docs])
        pairs = timed("pairs are read", read_pairs, file)
    texts = timed("passages are cut", cut, read)
    timed("a plan counts them, with the pairs", corpus_of, read, 0, tokenizer, recipe, pairs)
    timed("a plan counts them, without pairs", corpus_of, read, 0, tokenizer, recipe)
    found = timed("pairs find their passages", placed, texts, pairs).pairs
    timed("contradictions between documents", between_documents, found)
    timed("contradictions between passages", contradicted, found)
    asked = [Question(f"Who is {name(Random(n))}?", ("Nobody",)) for n in range(QUESTIONS)]
    timed(f"overlap of {QUESTIONS} questions with the pairs", overlaps, asked, found, recipe.prompt.near_duplicate)
    shown, texts_of_questions = [text for _, text in shown_passages(texts)], [question.text for question in asked]
    timed(f"passages for {QUESTIONS} questions", best_passages, shown, texts_of_questions, 3)
    return sum(len(text.offsets) for text in texts), seconds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.host", description=__doc__)
    parser.add_argument("--documents", type=int, nargs="+", default=SIZES, help="numbers of documents")
    sizes = parser.parse_args().documents
    columns = {size: measure(size) for size in sizes}
    heads = [
        f"{size} documents, {tokens:,} tokens, {size * SENTENCES:,} pairs" for size, (tokens, _) in columns.items()
    ]
    lines = [f"| processor seconds | {' | '.join(heads)} |", "|" + "---|" * (len(heads) + 1)]
    for part in next(iter(columns.values()))[1]:
        lines.append(f"| {part} | {' | '.join(f'{seconds[part]:.1f}' for _, seconds in columns.values())} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    lines.append(f"\nPeak memory {peak:,} MiB.")
    print("\n".join(lines))
    (ROOT / "bench" / "results" / "host.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
