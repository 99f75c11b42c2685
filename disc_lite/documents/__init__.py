"""Files -> documents, passages and a ledger with one outcome per file. Does not import torch.

records     the frozen shapes that leave this package
refusal     the one exception that turns a file into a `refused` line of the ledger
source      what the reader of a format gets and gives
decoding    bytes -> text, by rule
headings    text -> title and sections
plaintext   RFCs, manual pages, laws and other texts as printed -> Markdown
rst         reStructuredText as written -> the text that its reader sees
escapes     backslash escapes of Markdown: marks while it is read, nothing in what is seen
frontmatter settings above a Markdown text -> its title
markdown    Markdown as written -> the text that its reader sees
endtags     HTML with optional end tags -> HTML with all of them
noise       which elements of a web page are not its text
formulas    superscripts, subscripts and MathML -> one line of text
tables      rows of an HTML table -> lines of cells
html        HTML -> text
officemath  formulas of Office documents -> one line of text
docx        DOCX, by way of HTML -> text; a file for each of the other formats
columns     pieces of lines on a printed page -> lines in reading order, and tables
running     running heads and page numbers of printed pages
flow        columns of all pages -> one run of lines
layout      lines of printed pages -> paragraphs, list items, code and headings
ocr         pictures of pages -> lines of words, by tesseract
scans       which pages of a PDF are scans, and their lines as pieces
pdf         PDF -> text
formats     which suffix is read by which function
workers     child processes with limits, in which parsers run
conversion  a file -> its text
walking     paths -> files, and which of them must not be opened
damage      whether a text looks damaged, and what to do about it
doubts      what else makes a document look as if it was not read as meant
reading     folders and files -> documents and ledger
tokens      where tokens begin and end, without a model
abbreviations which full stop shortens a word
blocks      what a line opens: a heading, a rule, a row, code or a list item
sentences   text -> character spans of sentences
grouping    pieces of a text -> groups within a limit, cut by what the pieces say
passages    document and token offsets -> passages of at most so many tokens
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
