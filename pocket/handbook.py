"""Writes `examples/handbook/` and its questions: `python pocket/handbook.py examples`.

Twelve documents of a company that does not exist, about entities that are not in pocket's training data. No
document contains a reserved statement; every question and completion is in a reserved wording.
"""

from __future__ import annotations

import html
import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from random import Random

from docx import Document as Docx
from fpdf import FPDF
from world import Fact, Style, Writer, fresh_entity, write_document

# name, title, kind of its entities, how many, style: heading, lists, bullet, filler, restated, summary at end
DOCUMENTS = (
    ("people/workshop.md", "Who is who in the workshop", "person", 2, ("## ", 0.0, "- ", 0.4, 0.6, False)),
    ("people/office.md", "Colleagues in the office", "person", 2, ("## ", 1.0, "- ", 0.2, 0.5, True)),
    ("people/welcome.txt", "Welcome letter", "person", 2, ("", 0.0, "- ", 0.2, 0.6, False)),
    ("sites/north.md", "Sites in the north", "town", 2, ("## ", 0.5, "* ", 0.2, 0.6, True)),
    ("sites/south.txt", "Sites in the south", "town", 2, ("## ", 0.0, "- ", 0.3, 0.5, False)),
    ("sites/coast.html", "Sites on the coast", "town", 2, ("## ", 1.0, "- ", 0.2, 0.6, True)),
    ("products/lamps.md", "Lamps and what they cost", "product", 2, ("### ", 0.5, "- ", 0.2, 0.5, True)),
    ("products/tools.html", "Tools for the shop", "product", 2, ("## ", 0.0, "- ", 0.2, 0.6, False)),
    ("products/catalogue.pdf", "Catalogue", "product", 2, ("", 0.0, "- ", 0.2, 0.6, False)),
    ("projects/running.md", "Projects under way", "project", 2, ("## ", 1.0, "1. ", 0.2, 0.5, True)),
    ("projects/planned.docx", "Projects to come", "project", 2, ("## ", 0.5, "- ", 0.2, 0.6, False)),
    ("projects/letter.txt", "Letter to the board", "project", 2, ("", 0.0, "- ", 0.3, 0.6, False)),
)  # fmt: skip


def blocks(text: str) -> list[tuple[str, str]]:
    """Markdown as written by `world` -> (h1 | h2 | li | p, text)."""
    found = []
    for block in text.strip().split("\n\n"):
        for line in block.split("\n"):
            mark = line.split(" ", 1)[0]
            if mark.strip("#") == "" and mark:
                found.append(("h1" if mark == "#" else "h2", line.split(" ", 1)[1]))
            elif mark in ("-", "*"):
                found.append(("li", line.split(" ", 1)[1]))
            else:
                found.append(("p", line))
    return found


def write_html(path: Path, title: str, text: str) -> None:
    body, inside = [], False
    for kind, line in blocks(text):
        if (kind == "li") != inside:
            inside = kind == "li"
            body.append("<ul>" if inside else "</ul>")
        body.append(f"<{kind}>{html.escape(line)}</{kind}>")
    body += ["</ul>"] if inside else []
    lines = "\n".join(body)
    path.write_text(
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body>\n<nav>Home | Handbook</nav>\n<main>\n{lines}\n</main>\n</body></html>\n"
    )


def write_docx(path: Path, text: str) -> None:
    document = Docx()
    for kind, line in blocks(text):
        if kind in ("h1", "h2"):
            document.add_heading(line, int(kind[1]))
        else:
            document.add_paragraph(line, style="List Bullet" if kind == "li" else None)
    document.save(str(path))


def write_pdf(path: Path, text: str) -> None:
    pdf = FPDF()
    pdf.set_creation_date(datetime(2026, 1, 1, tzinfo=timezone.utc))  # the same bytes every time
    pdf.add_page()
    for kind, line in blocks(text):
        pdf.set_font("Helvetica", "B" if kind in ("h1", "h2") else "", {"h1": 18, "h2": 14}.get(kind, 11))
        pdf.multi_cell(0, 6, line, new_x="LMARGIN", new_y="NEXT")
        pdf.ln(4)
    pdf.output(str(path))


def write(folder: Path, name: str, title: str, w: Writer) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix:
        case ".html":
            write_html(path, title, w.text)
        case ".docx":
            write_docx(path, w.text)
        case ".pdf":
            write_pdf(path, w.text)
        case _:
            path.write_text(w.text)


def questions(name: str, w: Writer) -> list[dict[str, object]]:
    facts = list(dict.fromkeys(fact for fact, _ in w.said))
    rows: list[dict[str, object]] = [
        {"question": fact.ask(form), "answers": [fact.value], "document": name}
        for fact in facts for form in fact.attribute.reserved_questions
    ]  # fmt: skip
    restated = [fact for fact in facts if sum(f is fact for f, _ in w.said) > 1]
    rows += [{"completion": prefix(fact), "answers": [fact.value], "document": name} for fact in restated]
    return rows


def prefix(fact: Fact) -> str:
    return fact.attribute.reserved_statement.split("{v}")[0].format(e=fact.entity).rstrip()


def main(out: Path, seed: str = "handbook") -> None:
    rng, rows = Random(seed), []
    for name, title, kind, number, style in DOCUMENTS:
        entities = [fresh_entity(rng, kind) for _ in range(number)]
        w = write_document(rng, entities, Style(*style, reserved=False), title)
        write(out / "handbook", name, title, w)
        rows += questions(name, w)
    with (out / "handbook.questions.jsonl").open("w") as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    kinds = [sum(kind in row for row in rows) for kind in ("question", "completion")]
    print(f"{len(DOCUMENTS)} documents, {kinds[0]} questions, {kinds[1]} completions")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
