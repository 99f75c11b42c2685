"""What a run is asked for: the arguments that `adapt` and `plan` have in common. Does not import torch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from disc_lite.errors import UsageError
from disc_lite.hub.source import where_now
from disc_lite.run.earlier import EarlierRun
from disc_lite.run.folder import RunFolder
from disc_lite.storage import is_untouched, require_place

AnyPath = str | os.PathLike[str]
Documents = AnyPath | Sequence[AnyPath]  # folders or files, or one of them
PairFiles = AnyPath | Sequence[AnyPath] | None  # files of pairs, or run folders that have such


@dataclass(frozen=True)
class Arguments:
    """Documents, model, recipe and what the user gives beside them, each as it was named."""

    documents: Documents
    model: str | None = None
    recipe: str | None = None
    output: AnyPath | None = None
    questions: AnyPath | None = None
    pairs: PairFiles = None
    update: AnyPath | None = None
    overrides: Mapping[str, object] | None = None
    seed: int | None = None
    pairs_only: bool = False  # the run ends when its pairs are written

    @property
    def document_paths(self) -> tuple[Path, ...]:
        return paths_of(self.documents)

    def model_name(self, earlier: EarlierRun | None) -> str:
        """By default that of the run that is updated. Raises UsageError where there is neither."""
        if self.model is None and earlier is None:
            raise UsageError(
                "No model was named.", "", "Name one: --model mistral-7b (`disc-lite models` lists names)."
            )
        return self.model or (where_now(earlier.model) if earlier else "")

    def folder(self, model: str, earlier: EarlierRun | None) -> RunFolder:
        """The run folder: the named one, the next of the run that is updated, or by the first of the documents."""
        usual = Path("runs") / f"{self.document_paths[0].resolve().stem}-{Path(model).name}"
        return RunFolder(Path(self.output) if self.output else earlier.next_folder if earlier else usual)


def paths_of(named: Documents) -> tuple[Path, ...]:
    """Raises UsageError where nothing is named."""
    paths = (named,) if isinstance(named, (str, os.PathLike)) else tuple(named)
    if not paths:
        raise UsageError("No documents were given.", "", "Give a folder or files: disc-lite adapt docs/")
    return tuple(map(Path, paths))


def require_usable(folder: Path, earlier: EarlierRun | None) -> None:
    """Raises UsageError where it cannot be the folder of a run: not made, of another kind, or of the run updated."""
    require_place(folder)
    if earlier and folder.resolve() == earlier.folder.path.resolve():
        raise UsageError(
            f"{folder} is the run that is updated.", "It stays as it is.", "Choose another --output, or leave it out."
        )
    if not RunFolder(folder).record.is_file() and folder.is_dir() and not is_untouched(folder):
        raise UsageError(f"{folder} is not empty and holds no run.", "", "Choose another --output.")
