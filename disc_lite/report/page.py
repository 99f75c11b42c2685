"""A run folder -> `report.html`: one file without network access and without scripts."""

from __future__ import annotations

from pathlib import Path

from disc_lite.evaluation import sentences
from disc_lite.evaluation.updates import since_update, still_known
from disc_lite.report import answers, card, sources, training
from disc_lite.report.markup import Html, element, foreign, paragraph
from disc_lite.report.reading import RunFiles, read_run
from disc_lite.run.about_pairs import about_pairs
from disc_lite.run.folder import RunFolder
from disc_lite.run.wording import counted
from disc_lite.storage import require_file, require_writable, write_text

HEADLINE = (  # sentences of the card, in this order
    sentences.unreadable, sentences.recalled, sentences.unstated, sentences.shortfall, since_update,
    sentences.verdict,
)  # fmt: skip
# Only styles in the page itself are allowed.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
# (anchor, heading, content); parts without content are left out.
PARTS = (
    ("card", "Report card", card.report_card),
    ("since", "Since the earlier run", card.since),
    ("retained", "Learned against forgotten", card.learned_and_retained),
    ("documents", "Recall by document", card.by_document),
    ("training", "Training", training.training),
    ("teachability", "Teachability", card.teachability),
    ("answers", "Before and after", answers.instructive),
    ("neutral", "What else changed", answers.changed),
    ("ledger", "Ledger", sources.ledger),
    ("recipe", "Recipe", sources.recipe),
    ("costs", "Time and memory", training.costs),
)


def write_report(run: str | Path, output: str | Path | None = None) -> Path:
    """Write RUN/report.html, or `output`, from the files of the run alone; returns its path.

    Raises UsageError if the folder holds no finished run or `output` is a pipe, a device or a folder;
    EnvironmentNotReady if it cannot be written.
    """
    run = Path(run)
    path = Path(output) if output else RunFolder(run).report
    require_file(path)  # before it is resolved: /dev/stdout of `| less` resolves to a name without a file
    text = page(read_run(run))
    place = path.resolve()  # a link is written through, not replaced
    require_writable(place.parent, "Name another file: --output FILE.")
    write_text(place, text, noted=False)
    return path


def page(run: RunFiles) -> str:
    """The whole page as HTML."""
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{run.model}: what it learned"),
        element("style", Html(style)),
    )
    parts = [(anchor, title, content) for anchor, title, part in PARTS if any(content := part(run))]
    links = [element("a", title, href=f"#{anchor}") for anchor, title, _ in parts]
    sections = [
        element(
            "section",
            element("h2", title, id=f"{anchor}-title"),
            *content,
            id=anchor,
            aria_labelledby=f"{anchor}-title",
        )
        for anchor, title, content in parts
    ]
    nav = element("nav", *links, aria_label="Contents")
    body = element("body", _header(run), nav, element("main", *sections))
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en").text + "\n"


def _header(run: RunFiles) -> Html:
    documents = run.summary["documents"]
    others = ", ".join(f"{documents[o]:,} {o}" for o in ("refused", "duplicate") if documents[o])
    pairs = run.summary["pairs"]
    untaught = " ".join(filter(None, (*about_pairs(pairs), still_known(run.card))))
    said = [part(run.card) for part in HEADLINE] if run.card["questions"] else []
    summary = " ".join(filter(None, said))
    return element(
        "header", element("p", "disc-lite report", class_="kicker"),
        element("h1", foreign(run.model), f" after {counted(documents['read'], 'document')}"),
        paragraph(summary, class_="verdict") if summary else None,
        paragraph(text) if (text := sentences.forgotten(run.card)) else None,
        paragraph(text) if (text := sentences.terser(run.card)) else None,
        paragraph(untaught) if untaught else None,
        paragraph(f"Not read: {others} (see the ledger).", class_="note") if others else None,
    )  # fmt: skip
