"""Files -> documents, passages and a ledger with one outcome per file. Does not import torch.

records     the frozen shapes that leave this package
refusal     the one exception that turns a file into a `refused` line of the ledger
decoding    bytes -> text, by rule
headings    text -> title and sections
plaintext   RFCs, manual pages, laws and other texts as printed -> Markdown
frontmatter settings above a Markdown text -> its title
markdown    Markdown as written -> the text that its reader sees
noise       which elements of a web page are not its text
formulas    superscripts, subscripts and MathML -> one line of text
tables      rows of an HTML table -> lines of cells
html        HTML -> text
officemath  formulas of Office documents -> one line of text
docx        DOCX, by way of HTML -> text
columns     pieces of lines on a printed page -> lines in reading order, and tables
running     running heads and page numbers of printed pages
layout      lines of printed pages -> paragraphs, list items, code and headings
pdf         PDF -> text
conversion  which reader a file needs, and whether it runs in a limited child process
reading     folders and files -> documents and ledger
abbreviations which full stop shortens a word
damage      whether a text looks damaged, and what to do about it
sentences   text -> character spans of sentences
passages    document and token offsets -> passages of at most so many tokens
"""

from disc_lite.documents.passages import cut_passages
from disc_lite.documents.reading import read_documents
from disc_lite.documents.records import Document, LedgerEntry, Passage, Section
from disc_lite.documents.sentences import is_heading, sentence_spans

__all__ = [
    "Document",
    "LedgerEntry",
    "Passage",
    "Section",
    "cut_passages",
    "is_heading",
    "read_documents",
    "sentence_spans",
]
