"""Counts what `make mutants` left: mutants by file, how many the tests kill, and the kinds of survivors.

    .venv-mutants/bin/python -m bench.reliability.mutants [--output bench/results]

Reads `mutants/` and writes mutants.json, from which `docs/generate.py` makes the tables in docs/reliability.md. A
survivor that is not known to be equivalent to the code is named in full: a test is missing.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path

FOLDER = Path("mutants") / "disc_lite"
# Exit codes when the tests passed or none ran. Any other means that a test failed or did not end.
SURVIVED = (0, 5, 33)
Change = tuple[str, str]  # lines that a mutant removes and lines that it adds, without indent

LAST = re.compile(r"\b(sum|squeeze|unsqueeze|gather|scatter_|scatter_add_|log_softmax)\(\+1")

# Changed lines that are equivalent to the code, or equivalent on a CPU, by the reason.
ALIKE = "alike.setdefault(tuple(run[:WORTH_SHARING_TOKENS]) if need >= WORTH_SHARING_TOKENS else"
PLACES = "places: list[tuple[int, int, int]] ="
BLOCKS = "pairs = zip(torch.split(columns, size, dim=1), torch.split(weight, size),"
IDS = "input_ids[r, where] = torch.tensor(segment.input_ids,"
SAME = {
    "both branches give the same where it changes": (
        "larger = torch.where(gap >= 0, (1 - beta) * shrink, beta * shrink).log1p_().neg_()",
    ),
    "a value that is always replaced": (
        f"{PLACES} [(1, 0, 0)] * len(runs)", f"{PLACES} [(0, 1, 0)] * len(runs)", f"{PLACES} [(0, 0, 1)] * len(runs)",
    ),
    "a key that no run has": (f"{ALIKE} (+1, i), []).append(i)", f"{ALIKE} (-2, i), []).append(i)"),
    "the same numbers, in larger or smaller pieces": (
        "size = max(2, -(-len(own) // PARTS))",
        "size = max(1, +(-len(own) // PARTS))",
        "size = max(1, -(+len(own) // PARTS))",
        "size = len(weight) if (weight.dtype == torch.float32) and False else VOCABULARY_BLOCK",
    ),
    "a check of lengths that are equal": tuple(f"{BLOCKS} {strict})" for strict in ("", "strict=None", "strict=False")),
    "whole numbers, of which as many fit": (
        "choices = [rows_of(lengths, longest * k / 4) for k in (4, 5, 6, 8, 12, 16)]",
    ),
    "integers without a type are 64 bits": (f"{IDS} dtype=None)", f"{IDS} )"),
    "the device, which is the CPU in tests": (
        "segments, positions = self.segment_ids.to(None), self.position_ids.to(device)",
        "segments, positions = self.segment_ids.to(device), self.position_ids.to(None)",
        "row = torch.arange(len(segments), device=None)[:, None]",
        "row = torch.arange(len(segments), )[:, None]",
        "of_query = self.sees.to(None)[row, segments]  # [R, L, K]",
    ),
    "only the first column is read": (
        "return value, log_q.exp().scatter_add_(-1, index, -torch.ones_like(log_q[:, :2]))",
    ),
    "whichever is first: runs differ before the end of the shortest": (
        "shortest = min(runs, key=None)", "shortest = min(runs, )",
    ),
}  # fmt: skip


def kind_of(old: str, new: str) -> str:
    """Return why a change has no visible effect, or the change itself if it has."""
    if new != old == LAST.sub(r"\1(-1", new):
        return "the last dimension of a matrix is its dimension 1"
    return next((why for why, lines in SAME.items() if new in lines), f"`{old}` -> `{new}`")


def change_of(mutant: str) -> Change:
    from mutmut.mutation.diff_apply import get_diff_for_mutant  # in an environment of its own

    lines = [line for line in get_diff_for_mutant(mutant).splitlines() if not line.startswith(("---", "+++"))]
    old, new = (" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
    return old, new


def main(output: Path) -> None:
    files: dict[str, dict[str, int]] = {}
    kinds: Counter[str] = Counter()
    for meta in sorted(FOLDER.rglob("*.py.meta")):
        codes: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"]
        if not codes:
            continue
        if None in codes.values():
            raise SystemExit(f"Not every mutant of {meta} was tried: run `make mutants` to its end.")
        survivors = [mutant for mutant, code in codes.items() if code in SURVIVED]
        kinds.update(kind_of(*change_of(mutant)) for mutant in survivors)
        name = str(meta.relative_to(FOLDER)).removesuffix(".meta")
        files[name] = {"mutants": len(codes), "killed": len(codes) - len(survivors)}
    report = {"files": files, "survivors": dict(kinds.most_common())}
    (output / "mutants.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("bench/results"))
    main(parser.parse_args().output)
