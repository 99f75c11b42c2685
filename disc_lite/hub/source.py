"""Model name -> its folder on this machine and its fingerprint.

Does not import torch, so a wrong or gated name is reported before anything is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from disc_lite.errors import EnvironmentNotReady, UsageError
from disc_lite.hub.aliases import ALIASES, ModelSource, check_folder, resolve
from disc_lite.hub.download import fetch, fetch_rest, is_offline
from disc_lite.hub.families import check_kind
from disc_lite.hub.identity import fingerprint, seems_whole, weights_digest
from disc_lite.hub.probes import Probes, read_probes
from disc_lite.storage import disk


@dataclass(frozen=True)
class Model:
    """A model folder, ready to be loaded."""

    name: str  # as the user wrote it
    reference: str  # hub id or absolute path, `base_model_name_or_path` of an adapter
    folder: Path
    weights: str  # digest of the weights
    fingerprint: str  # digest of all files that are loaded
    probes: Probes

    @property
    def is_here(self) -> bool:
        """Whether its configuration is on this machine; its weights need not be."""
        return self.folder != Path()


Fits = Callable[[Model], bool]  # whether a model is the one that something was trained on


def open_model(name: str, fits: Fits | None = None) -> Model:
    """Resolve a name, download the model if it is a hub id that is not here yet, and compute its fingerprint.

    Of several versions of a hub model in the cache the one that `fits` is preferred, and then the latest.
    If all of it is on this machine, the hub is not asked: the model there may have changed or be gone. If a snapshot
    lacks files that most models have, the hub is asked whether the same snapshot has them.
    Raises UsageError for an unknown name, EnvironmentNotReady if the model is incomplete or cannot be downloaded.
    """
    if fits and (found := _fitting_snapshot(name, fits)):
        return found
    source = resolve(name)
    folder = Path(source.location) if source.kind == "folder" else _complete(source) or fetch(source.location)
    check_kind(folder)
    return Model(name, source.location, folder, *_digests(folder), read_probes(folder))


def _digests(folder: Path) -> tuple[str, str]:
    """The digest of the weights, and the fingerprint. Raises EnvironmentNotReady if a file cannot be read."""
    with disk.reporting(f"A file of the model in {folder} cannot be read.", EnvironmentNotReady):
        weights = weights_digest(folder)
        return weights, fingerprint(folder, weights)


def open_trained_on(name: str, folder: Path, fits: Fits | None, remedy: str = "Put it back there, or") -> Model:
    """Open the model that `folder` was trained on, at its old place or in `$DISC_LITE_MODELS`.

    If none `fits`, another one is returned, and the caller reports that. Raises UsageError if it is not found; `remedy`
    begins the advice.
    """
    place = where_now(name)
    try:
        model = open_model(place, fits)
    except UsageError as error:
        raise UsageError(
            f"The model that {folder} was trained on was not found.", error.what,
            f"{remedy} give its new folder: DISC_LITE_MODELS=FOLDER.",
        ) from error  # fmt: skip
    with suppress(UsageError):  # for a copy of a hub model, exports name the hub id
        model = replace(model, reference=resolve(name).location)
    return model


def _fitting_snapshot(name: str, fits: Fits) -> Model | None:
    """A complete version of a hub model in the cache, the latest first; None if none fits. Does not use the network.

    If a publisher changes a file, any program that loads the model moves the cache to a new version of it.
    """
    source = resolve(name)
    latest = local_folder(source) if source.kind == "hub" else None
    if latest is None or latest.parent.name != "snapshots":
        return None
    for folder in (latest, *sorted(set(latest.parent.iterdir()) - {latest})):
        with suppress(EnvironmentNotReady):
            check_folder(folder)
            model = Model(name, source.location, folder, *_digests(folder), read_probes(folder))
            if fits(model):
                return model
    return None


def where_now(name: str) -> str:
    """The present folder of a model that was moved: a folder in `$DISC_LITE_MODELS`, or a subfolder with its old name.

    A hub model that is not on this machine can also be a folder there with its name. A name that is not found is
    returned unchanged. An export has only the name of its model folder, not the path.
    """
    roots = [Path(place) for place in os.environ.get("DISC_LITE_MODELS", "").split(os.pathsep) if place]
    alias = ALIASES.get(name.lower())
    folder_name = Path(alias.hub_id if alias else name).name
    if not (roots and folder_name) or Path(name).is_dir():
        return name
    try:
        if _complete(resolve(name)):
            return name
        is_folder = False
    except UsageError:  # not a hub id
        is_folder = True
    places = (place for root in roots for place in (root / folder_name, root) if is_folder or place.name == folder_name)
    return next((str(place.resolve()) for place in places if (place / "config.json").is_file()), name)


def local_model(name: str, fits: Fits | None = None) -> Model:
    """The part of a model that is on this machine, without the network; no fingerprint if some of it is missing."""
    if fits and (found := _fitting_snapshot(name, fits)):
        return found
    source = resolve(name)
    folder = local_folder(source)
    if folder is None:
        return Model(name, source.location, Path(), "", "", Probes())
    check_kind(folder)
    weights = digest = ""
    with suppress(EnvironmentNotReady):
        check_folder(folder)
        weights, digest = _digests(folder)
    return Model(name, source.location, folder, weights, digest, read_probes(folder))


def local_folder(source: ModelSource) -> Path | None:
    """The folder of a model on this machine, with or without its weights; None if nothing was downloaded."""
    if source.kind == "folder":
        return Path(source.location)
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(source.location, "config.json")
    return Path(cached).parent if isinstance(cached, str) else None


def _complete(source: ModelSource) -> Path | None:
    """The folder of a model that is complete on this machine; None if some of it is missing."""
    folder = local_folder(source)
    with suppress(EnvironmentNotReady):
        if folder is not None:
            if not (is_offline() or seems_whole(folder)):
                fetch_rest(source.location, folder)
            check_folder(folder)
            return folder
    return None
