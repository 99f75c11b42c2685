"""Counts the details in the sentences of runs that pairs give or contain: `python -m bench.real.details RUN...`."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from disc_lite.qa import Pair, language_of, read_pairs
from disc_lite.qa.details import details_of
from disc_lite.synthesis.facts import gives
from disc_lite.synthesis.mentioned_names import contains


def main(runs: Sequence[str]) -> None:
    print(
        "| run | pairs | sentences | details | that a pair gives | that three pairs give | that a question contains |\n"
        "|---|---|---|---|---|---|---|"
    )
    for run in runs:
        about = defaultdict[str, list[Pair]](list)
        for pair in read_pairs(Path(run) / "pairs.jsonl"):
            about[pair.source].append(pair)
        language = language_of(" ".join(about))
        details = [(detail, pairs) for sentence, pairs in about.items() for detail in details_of(sentence, language)]
        given = [sum(gives(detail, p.question, p.answer) for p in pairs) for detail, pairs in details]
        mentioned = [any(contains(p.question, detail, language) for p in pairs) for detail, pairs in details]
        cells = (
            sum(map(len, about.values())),
            len(about),
            len(given),
            sum(n > 0 for n in given),
            sum(n > 2 for n in given),
            sum(mentioned),
        )
        print(f"| {Path(run).name} | {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main(sys.argv[1:])
