"""The options of an export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FORMS = ("adapter", "merged", "gguf-lora", "gguf", "ollama")
WITH_GGUF = FORMS[2:]
ONTO = ("auto", "original", "nf4")


@dataclass(frozen=True)
class Choice:
    """The options of one export."""

    to: str
    target: Path
    base_gguf: Path | None
    onto: str
    kind: str  # GGUF type of the adapted tensors; "" for the base's type
    legacy_adapter: bool
    template: Path | None
    device: str | None
    document_names: bool  # whether the model card names the documents
