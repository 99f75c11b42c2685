"""Files -> documents, passages and a ledger with one outcome per file. Does not import torch.

The modules in the order of the data: `walking` finds the files. `reading` makes a document of each, with the function
that `formats` lists for its suffix; files that must be parsed are read in the child processes of `workers`. `headings`
finds the sections. `passages` cuts them into passages, with `blocks`, `sentences` and `grouping`.

Most formats take one of three routes. HTML: `html`; office files, mail and table cells of LaTeX are rewritten as HTML
first. Markdown: `inlinehtml`, then `markdown`. PDF: `pdf` calls `characters` (`scans` for scanned pages), `running`,
`contents`, `columns`, then `flow` and `layout`.
"""

from disc_lite.documents.passages import cut_passages
from disc_lite.documents.reading import read_documents
from disc_lite.documents.records import Document, LedgerEntry, Passage, Section
from disc_lite.documents.sentences import sentence_spans
from disc_lite.documents.source import ReadingOptions
from disc_lite.documents.walking import RUN_RECORD

__all__ = [
    "RUN_RECORD",
    "Document",
    "LedgerEntry",
    "Passage",
    "ReadingOptions",
    "Section",
    "cut_passages",
    "read_documents",
    "sentence_spans",
]
