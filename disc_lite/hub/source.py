"""Model name -> its folder on this machine and its fingerprint.

Does not import torch, so a wrong or gated name is reported before anything is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from disc_lite.errors import DiscLiteError, EnvironmentNotReady, UsageError
from disc_lite.hub.aliases import ALIASES, ModelSource, check_folder, resolve
from disc_lite.hub.families import check_kind
from disc_lite.hub.identity import SETTINGS, TOKENIZER, VOCABULARY_FILES, fingerprint, seems_whole, weights_digest
from disc_lite.hub.probes import Probes, read_probes
from disc_lite.hub.weights import INDEX, weight_files
from disc_lite.storage import disk

SMALL = ["*.json", "*.model", "*.jinja", "*.txt", "LICENSE*", "NOTICE*"]  # everything except the weights


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


def open_model(name: str) -> Model:
    """Resolve a name, download the model if it is a hub id that is not here yet, and compute its fingerprint.

    If all of it is on this machine, the hub is not asked: the model there may have changed or be gone. If a snapshot
    lacks files that most models have, the hub is asked whether the same snapshot has them.
    Raises UsageError for an unknown name, EnvironmentNotReady if the model is incomplete or cannot be downloaded.
    """
    source = resolve(name)
    folder = Path(source.location) if source.kind == "folder" else _complete(source) or _fetch(source.location)
    check_kind(folder)
    return Model(name, source.location, folder, *_digests(folder), read_probes(folder))


def _digests(folder: Path) -> tuple[str, str]:
    """The digest of the weights, and the fingerprint. Raises EnvironmentNotReady if a file cannot be read."""
    with disk.reporting(f"A file of the model in {folder} cannot be read.", EnvironmentNotReady):
        weights = weights_digest(folder)
        return weights, fingerprint(folder, weights)


def open_trained_on(
    name: str, folder: Path, fits: Callable[[Model], bool], remedy: str = "Put it back there, or"
) -> Model:
    """Open the model that `folder` was trained on, at its old place or in `$DISC_LITE_MODELS`.

    Of a hub model that version in the cache is taken which `fits`. If there is none, the latest one is returned, and
    the caller reports the error. Raises UsageError if no model is found; `remedy` begins the advice.
    """
    place = where_now(name)
    try:
        model = _fitting_snapshot(place, fits) or open_model(place)
    except UsageError as error:
        raise UsageError(
            f"The model that {folder} was trained on was not found.", error.what,
            f"{remedy} give its new folder: DISC_LITE_MODELS=FOLDER.",
        ) from error  # fmt: skip
    with suppress(UsageError):  # for a copy of a hub model, exports name the hub id
        model = replace(model, reference=resolve(name).location)
    return model


def _fitting_snapshot(name: str, fits: Callable[[Model], bool]) -> Model | None:
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


def local_model(name: str) -> Model:
    """The part of a model that is on this machine, without the network; no fingerprint if some of it is missing."""
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
            if not (_offline() or seems_whole(folder)):
                _fetch_rest(source.location, folder)
            check_folder(folder)
            return folder
    return None


def _fetch_rest(hub_id: str, snapshot: Path) -> None:
    """Download files that are loaded and missing in this snapshot, such as its chat template, if the hub has them.

    If the hub cannot be reached, the snapshot is used as it is. huggingface_hub records which files a snapshot does not
    have, so it is asked only once.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    for name in (*SETTINGS, *VOCABULARY_FILES):
        idle = name in VOCABULARY_FILES and (snapshot / TOKENIZER).is_file()
        if not idle and try_to_load_from_cache(hub_id, name, revision=snapshot.name) is None:
            try:
                hf_hub_download(hub_id, name, revision=snapshot.name)
            except EntryNotFoundError as error:
                if isinstance(error, LocalEntryNotFoundError):  # the hub was not reached
                    return
            except Exception:  # as in `_fetch`
                return


def _offline() -> bool:
    return os.environ.get("DISC_LITE_OFFLINE", "") not in ("", "0")


def _fetch(hub_id: str) -> Path:
    """The snapshot of a model, downloaded from the hub. Raises EnvironmentNotReady with the reason if that fails."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        folder = _downloaded(hub_id)
        _require_whole(hub_id, folder)
        return folder
    except DiscLiteError:
        raise
    except GatedRepoError as error:
        raise EnvironmentNotReady(
            f"{hub_id} is gated: its publisher requires your consent first.",
            "The hub refused the download for the account of this machine, or no account is set up.",
            f"Accept the terms at https://huggingface.co/{hub_id}, then `hf auth login`.",
        ) from error
    except RepositoryNotFoundError as error:
        raise EnvironmentNotReady(
            f"The hub has no model {hub_id}, or not for this account.", "",
            "Check the name with `disc-lite models`; private models need `hf auth login`.",
        ) from error  # fmt: skip
    except Exception as error:  # from HTTP, the hub's own transfer or the disk, which share no base class
        raise _broke_off(hub_id, error) from error


def _downloaded(hub_id: str) -> Path:
    """The snapshot of a model, with missing files downloaded from the hub, small ones first."""
    from huggingface_hub import snapshot_download

    folder = Path(snapshot_download(hub_id, allow_patterns=SMALL, local_files_only=_offline()))
    check_kind(folder)
    # Some repositories hold the weights twice: Mistral's `consolidated.safetensors` is as large as all other files.
    named = [path.name for path in weight_files(folder)] if (folder / INDEX).is_file() else []
    weights, others = (named, []) if named else (["*.safetensors"], ["consolidated*", "*/*"])
    # Of the same version: the publisher may have changed something since the first call.
    return Path(snapshot_download(
        hub_id, revision=folder.name, allow_patterns=weights, ignore_patterns=others, local_files_only=_offline()
    ))  # fmt: skip


def _require_whole(hub_id: str, folder: Path) -> None:
    """Raises EnvironmentNotReady if a download is not a whole model: the repository or the download lacks files."""
    try:
        check_folder(folder)
    except EnvironmentNotReady as error:
        raise EnvironmentNotReady(
            f"{hub_id} is not a complete model in safetensors.", error.why,
            "Name a repository that has these files (one of GGUF has not), or repeat this with a network connection.",
        ) from error  # fmt: skip


def _broke_off(hub_id: str, error: Exception) -> EnvironmentNotReady:
    """The error for a download that failed: by the disk, the network, the account or anything else."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    message = next((line for line in str(error).splitlines() if line.strip()), "")[:160]
    if disk.is_full(error):
        return EnvironmentNotReady(
            f"The disk is full, so {hub_id} was not downloaded completely.", message,
            "Free some space and repeat the command: what was downloaded stays.",
        )  # fmt: skip
    if isinstance(error, LocalEntryNotFoundError):  # the hub was not reached
        return EnvironmentNotReady(
            f"{hub_id} is not on this machine, or not all of it, and cannot be downloaded.",
            "Offline mode is on." if _offline() else message,
            "Download it once with a network connection, or copy its folder here and name that: with --model, or for "
            "what was trained on it as DISC_LITE_MODELS=FOLDER.",
        )
    if getattr(getattr(error, "response", None), "status_code", 0) == 401:
        return EnvironmentNotReady(
            f"The hub refused the account of this machine, so {hub_id} was not downloaded.", message,
            "Its token may have expired: run `hf auth login`, or remove HF_TOKEN from the environment.",
        )  # fmt: skip
    return EnvironmentNotReady(
        f"The download of {hub_id} broke off.", f"{type(error).__name__}: {message}",
        "Repeat the command: what was downloaded stays.",
    )  # fmt: skip
