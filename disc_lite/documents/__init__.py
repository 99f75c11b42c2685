"""Files -> documents, passages and a ledger with one outcome per file. Does not import torch.

Read `reading` first: folders and files become documents there. `formats` says which file reads which format.
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
