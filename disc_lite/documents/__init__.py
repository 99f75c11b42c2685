"""Files -> documents, passages and a ledger with one outcome per file. Does not import torch.

In the order of the data: `walking` finds the files; `reading` makes documents of them, each by the function that
`formats` names for its suffix, in `workers` where it is parsed; `headings` finds the sections; `passages`
cuts these to what is taught as one, by `blocks`, `sentences` and `grouping`.

Three ways lead to the text of most formats. HTML: `html`, which takes office files, mail and cells of LaTeX too,
written as HTML. Markdown: `inlinehtml`, then `markdown`. PDF: `pdf`, `characters` (`scans`), `running`, `contents`,
`columns`, `flow`, `layout`.
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
