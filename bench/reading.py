"""Seconds and memory of reading much text: `python bench/reading.py` writes `results/reading.json` and a table.

Corpora of made-up sentences are written to a temporary folder, and each is read and cut into passages in a process of
its own: many files, two large ones, one single line, one line without a space. Takes some minutes. With `--corpora
latex asciidoc xlsx --megabytes 1` one file of that format each.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
MB = 10**6
CORPORA = ("many files", "two files", "one line", "one word")
FORMATS = ("latex", "asciidoc", "xlsx")
SECTIONS = 12  # per page, which has 28 kB


def words(rng: Random) -> list[str]:
    letters = "etaoinshrdlucmfwypvbgkqjxz"
    return ["".join(rng.choice(letters) for _ in range(rng.randint(2, 9))) for _ in range(5000)]


def pages(rng: Random) -> Iterator[str]:
    """Yield Markdown pages of made-up sentences, without end."""
    known = words(rng)
    number = 0
    while True:
        lines = [f"# Page {number}"]
        for section in range(SECTIONS):
            lines.append(f"## Section {section} of {rng.choice(known)}")
            for _ in range(rng.randint(3, 8)):
                sentences = (rng.choices(known, k=rng.randint(6, 24)) for _ in range(rng.randint(2, 7)))
                lines.append(" ".join(" ".join(each).capitalize() + rng.choice("...?") for each in sentences))
        yield "\n\n".join(lines) + "\n"
        number += 1


def latex(page: str) -> str:
    """A page as LaTeX: sections, and in turn a list, a table, and text with emphasis, a citation and a formula."""
    lines = []
    for n, line in enumerate(filter(None, page.split("\n"))):
        title, words_of_line = line.lstrip("# "), line.split()
        if line.startswith("#"):
            lines.append(f"\\{'sub' * (line.count('#', 0, 3) - 1)}section{{{title}}}\\label{{s{n}}}")
        elif n % 6 == 1:
            lines.append(
                "\\begin{itemize}\n" + "\n".join(f"\\item {s}." for s in line.split(". ")) + "\n\\end{itemize}"
            )
        elif n % 6 == 2:
            rows = "\n".join(f"{a} & {b} \\\\" for a, b in zip(words_of_line[::2], words_of_line[1::2], strict=False))
            lines.append(f"\\begin{{tabular}}{{ll}}\n{rows}\n\\end{{tabular}}")
        else:
            lines.append(
                f"\\emph{{{words_of_line[0]}}} {' '.join(words_of_line[1:])} \\cite{{k{n}}} $x_{{{n}}}^2 + 1$ % seen"
            )
    return "\n\n".join(lines)


def asciidoc(page: str) -> str:
    """A page as AsciiDoc: headings, and in turn a list, a table, and text with emphasis, code and a link."""
    lines = []
    for n, line in enumerate(filter(None, page.split("\n"))):
        words_of_line = line.split()
        if line.startswith("#"):
            lines.append("=" * (line.count("#", 0, 3) + 1) + line.lstrip("#"))
        elif n % 6 == 1:
            lines.append("\n".join(f"* {sentence}." for sentence in line.split(". ")))
        elif n % 6 == 2:
            rows = "\n".join(f"|{a} |{b}" for a, b in zip(words_of_line[::2], words_of_line[1::2], strict=False))
            lines.append(f"|===\n{rows}\n|===")
        else:
            first, second, *others = words_of_line
            lines.append(f"*{first}* `{second}` {' '.join(others)} https://example.org/{n}[{first}]")
    return "\n\n".join(lines)


def write_sheet(path: Path, size: int) -> None:
    """Write a sheet of six columns, names and numbers, with about `size` bytes of text."""
    from openpyxl import Workbook

    rng, book = Random(0), Workbook(write_only=True)
    known, sheet = words(rng), book.create_sheet("Stock")
    sheet.append(["Article", "Supplier", "Town", "Price", "Count", "Remark"])
    for number in range(size // 90):
        names = [f"{rng.choice(known)} {number}", *rng.choices(known, k=2)]
        sheet.append([*names, rng.randint(1, 9999) / 100, rng.randint(1, 500), " ".join(rng.choices(known, k=4))])
    book.save(path)


def write_corpus(kind: str, folder: Path, size: int) -> None:
    """Write `size` bytes as one of the corpora; a single line has half, since a file may have at most 64 MB."""
    if kind == "xlsx":
        write_sheet(folder / "stock.xlsx", size)
        return
    if kind in FORMATS:
        written, name = (latex, "thesis.tex") if kind == "latex" else (asciidoc, "manual.adoc")
        (folder / name).write_text("\n\n".join(map(written, _until(size))), encoding="utf-8")
        return
    if kind == "many files":
        for number, text in enumerate(_until(size)):
            (folder / f"{number:05}.md").write_text(text, encoding="utf-8")
        return
    whole = "\n".join(_until(size if kind == "two files" else size // 2))
    if kind == "two files":
        for number, part in enumerate((whole[: size // 2], whole[size // 2 :])):
            (folder / f"{number}.md").write_text(part, encoding="utf-8")
    else:
        (folder / "line.txt").write_text("".join(whole.split()) if kind == "one word" else " ".join(whole.split()))


def _until(size: int) -> Iterator[str]:
    for text in pages(Random(0)):
        yield text
        size -= len(text)
        if size <= 0:
            return


def measure(folder: Path) -> dict[str, float]:
    """Read and cut a folder in this process; sizes are in MB, `child` is the largest process that read a file."""
    from disc_lite.documents import cut_passages, read_documents
    from disc_lite.documents.tokens import estimated_tokens

    started, wall = _seconds(), time.perf_counter()
    documents, ledger = read_documents([folder])
    read, wall_read = _seconds() - started, time.perf_counter() - wall
    passages = sum(len(cut_passages(d, estimated_tokens(d.text), 256)) for d in documents)
    kib = 1 if sys.platform == "darwin" else 1024
    return {
        "megabytes": sum(entry.bytes for entry in ledger) / MB,
        "text_megabytes": sum(len(d.text.encode()) for d in documents) / MB,
        "files": len(ledger), "documents": len(documents),
        "cpu_s": read, "wall_s": wall_read, "cutting_cpu_s": _seconds() - started - read, "passages": passages,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kib / MB,
        "child_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * kib / MB,
    }  # fmt: skip


def _seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def table(found: dict[str, dict[str, float]]) -> str:
    lines = [
        "| | MB | of text | files | CPU s to read | CPU s to cut | passages | peak MB | of the reading process |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, row in found.items():
        lines.append(
            f"| {kind} | {row['megabytes']:.1f} | {row['text_megabytes']:.1f} | {row['files']:,} | "
            f"{row['cpu_s']:.1f} | {row['cutting_cpu_s']:.1f} | {row['passages']:,} | {row['peak_mb']:,.0f} | "
            f"{row['child_peak_mb']:,.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--corpora", nargs="+", choices=(*CORPORA, *FORMATS), default=list(CORPORA))
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # of the child
    options = parser.parse_args()
    if options.folder:
        print(json.dumps(measure(options.folder)))
        return
    found: dict[str, dict[str, float]] = {}
    for kind in options.corpora:
        with tempfile.TemporaryDirectory() as folder:
            write_corpus(kind, Path(folder), int(options.megabytes * MB))
            done = subprocess.run(
                [sys.executable, __file__, "--folder", folder], stdout=subprocess.PIPE, text=True, check=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        found[kind] = json.loads(done.stdout)
        print(table(found), flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    results = options.output / "reading.json"
    before = json.loads(results.read_text(encoding="utf-8")) if results.is_file() else {}
    results.write_text(json.dumps(before | found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
