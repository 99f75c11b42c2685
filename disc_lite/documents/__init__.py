"""Files -> documents, passages and a ledger with one outcome per file. Does not import torch.

records     the frozen shapes that leave this package
refusal     the one exception that turns a file into a `refused` line of the ledger
source      what the reader of a format gets and gives
decoding    bytes -> text, by rule
headings    text -> title and sections
html        HTML, and DOCX by way of HTML -> text; and a file for each of the other formats
formats     which suffix is read by which function
workers     child processes with limits, in which parsers run
conversion  a file -> its text
walking     paths -> files, and which of them must not be opened
reading     folders and files -> documents and ledger
sentences   text -> character spans of sentences
passages    document and token offsets -> passages of at most so many tokens
"""

from disc_lite.documents.passages import cut_passages
from disc_lite.documents.reading import read_documents
from disc_lite.documents.records import Document, LedgerEntry, Passage, Section
from disc_lite.documents.sentences import is_heading, sentence_spans
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
    "is_heading",
    "read_documents",
    "sentence_spans",
]
