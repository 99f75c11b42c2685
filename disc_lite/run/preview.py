"""What a model will see of documents, before a run. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from disc_lite.documents import LedgerEntry
from disc_lite.documents.code import SUFFIXES
from disc_lite.documents.doubts import doubt_about_ocr, doubts_about
from disc_lite.documents.formats import suffix_of
from disc_lite.documents.tokens import estimated_tokens, tokenizer_of
from disc_lite.hub.source import local_model
from disc_lite.prompts.texts import Text, text_of
from disc_lite.qa import language_of
from disc_lite.recipe import load_recipe
from disc_lite.recipe.schema import Documents as DocumentSettings
from disc_lite.run.events import Event, Listener, only_if_slow, silent
from disc_lite.run.gathering import Documents, paths_of, read_with_progress
from disc_lite.run.names import file_called


@dataclass(frozen=True)
class PassageView:
    """A passage as a prompt shows it, and its sentences."""

    heading_path: tuple[str, ...]
    tokens: int
    text: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class DocumentView:
    """A document that was read; `doubts` say why to look at it, `shown` has its passages if they were asked for."""

    name: str
    title: str
    language: str
    characters: int
    tokens: int
    sentences: int
    passages: int
    doubts: tuple[str, ...]
    shown: tuple[PassageView, ...] = ()


@dataclass(frozen=True)
class Preview:
    """Every file with its outcome, and every document that was read, those with doubts first."""

    ledger: tuple[LedgerEntry, ...]
    documents: tuple[DocumentView, ...]
    passage_tokens: int
    counted: bool  # whether tokens are counted with the model's own tokenizer, not estimated


def preview(
    documents: Documents,
    *,
    model: str | None = None,
    recipe: str | None = None,
    overrides: Mapping[str, str] | None = None,
    show: str | None = None,
    listener: Listener | None = None,
) -> Preview:
    """Read documents as `adapt` would and cut them into passages; with `show` only that document, with its text.

    Recipe and tokenizer are those of `model`, if it is on this machine: nothing is downloaded. Without a model the
    default recipe is used; without a tokenizer tokens are estimated.
    Raises DocumentsError and UsageError as `adapt` does, and UsageError if no file is called `show`.
    """
    local = local_model(model) if model else None
    checked = load_recipe(recipe or (local.probes.recipe if local else "default"), overrides or {}).recipe
    tokenizer = tokenizer_of(local.folder) if local and local.is_here else None
    if local and not local.is_here:
        absent = f"{local.name} is not on this machine, so its tokens are estimated"
        (listener or silent)(Event("model", absent, is_remark=True))
    read, ledger = read_with_progress(paths_of(documents), checked, listener or silent)
    entries = {entry.name: entry for entry in ledger}
    if show is not None:
        wanted = file_called(show, tuple(entries))
        read = tuple(document for document in read if document.name == wanted)
        ledger = (entries[wanted],)
    tell = only_if_slow(listener or silent)
    views = []
    for number, document in enumerate(read, 1):
        text = text_of(document, tokenizer or estimated_tokens, checked.documents.passage_tokens)
        views.append(_view(text, entries[document.name], checked.documents, show is not None))
        tell(Event("passages", document.name, number, len(read)))
    views.sort(key=lambda view: not view.doubts)
    return Preview(ledger, tuple(views), checked.documents.passage_tokens, tokenizer is not None)


def _view(text: Text, entry: LedgerEntry, settings: DocumentSettings, with_text: bool) -> DocumentView:
    document, passages = text.document, text.passages
    language = "code" if suffix_of(document.name) in SUFFIXES else language_of(document.text)
    misread = doubt_about_ocr(entry, language, settings.ocr_languages)
    shown = (
        PassageView(
            passage.heading_path, passage.end - passage.start, text.passage_text(passage),
            tuple(text.sentence_text(*sentence).strip() for sentence in passage.sentences),
        ) for passage in passages
    )  # fmt: skip
    return DocumentView(
        document.name, document.title, language, len(document.text), len(text.offsets),
        sum(len(passage.sentences) for passage in passages), len(passages),
        (*filter(None, [misread]), *doubts_about(document, entry, passages)), tuple(shown) if with_text else (),
    )  # fmt: skip
