"""The README.md of a run folder: what it is, and which of its files contain text from the documents."""

from __future__ import annotations

from disc_lite.run.folder import Entry, RunFolder

TEXT: tuple[Entry, ...] = (
    RunFolder.passages, RunFolder.pairs, RunFolder.pair_drafts, RunFolder.questions,
    RunFolder.answers_before, RunFolder.answers_after,
    RunFolder.retained_before, RunFolder.retained_after, RunFolder.summary, RunFolder.report, RunFolder.judge,
    RunFolder.evaluations, RunFolder.update, RunFolder.removed, RunFolder.dropped, RunFolder.journal,
)  # fmt: skip
NAMES: tuple[Entry, ...] = (RunFolder.ledger, RunFolder.record, RunFolder.teacher)
LEARNED: tuple[Entry, ...] = (
    RunFolder.adapter, RunFolder.checkpoints, RunFolder.within, RunFolder.cache, RunFolder.exports,
)  # fmt: skip


def readme() -> str:
    """The text, which depends on the file names only."""
    return f"""# A run of disc-lite

`disc-lite report` makes a page of it, `disc-lite ask` asks the model, and `disc-lite export` writes it for others.

These files reveal something about the documents:

- **Their text**, or what a model wrote about it: {_listed(TEXT)} (the last as token ids).
- **Their names**: {_listed(NAMES)}.
- **What was learned from them**: {_listed(LEARNED)}. A model that was taught a text can be made to repeat it.

The other files hold settings, figures, and answers of the model without the documents. `{RunFolder.adapter.name}/` may
contain the path of the base on this machine; the folder that `disc-lite export RUN --to adapter` writes does not, and
it names no document unless you ask for that (`--document-names`).
"""


def _listed(entries: tuple[Entry, ...]) -> str:
    return ", ".join(f"`{entry.name}`" for entry in entries)
