"""A model's name -> its folder on this machine, and its fingerprint.

Does not import torch: a wrong or gated name is reported before anything is loaded.
"""

from __future__ import annotations

import os
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

SMALL = ["*.json", "*.model", "*.jinja", "*.txt", "LICENSE*", "NOTICE*"]  # everything but the weights


@dataclass(frozen=True)
class Model:
    """A model folder, ready to be loaded."""

    name: str  # as the user wrote it
    reference: str  # hub id or absolute path, for `base_model_name_or_path` of an adapter
    folder: Path
    weights: str  # digest of its weights alone
    fingerprint: str  # of all that is loaded of it
    probes: Probes

    @property
    def is_here(self) -> bool:
        """Whether its configuration is on this machine, if not its weights."""
        return self.folder != Path()


def open_model(name: str) -> Model:
    """Resolve a name, download the model if it is a hub id that is not here yet, and compute its fingerprint.

    Where all of it is on this machine the hub is not asked: what it has now may be another model, or gone. Where a
    snapshot lacks what most models have, it is asked whether this very snapshot has more.
    Raises UsageError for an unknown name, EnvironmentNotReady where the model is incomplete or cannot be downloaded.
    """
    source = resolve(name)
    folder = Path(source.location) if source.kind == "folder" else _complete(source) or _fetch(source.location)
    check_kind(folder)
    return Model(name, source.location, folder, *_digests(folder), read_probes(folder))


def _digests(folder: Path) -> tuple[str, str]:
    """The digest of the weights, and the fingerprint. Raises EnvironmentNotReady where a file cannot be read."""
    with disk.reporting(f"A file of the model in {folder} cannot be read.", EnvironmentNotReady):
        weights = weights_digest(folder)
        return weights, fingerprint(folder, weights)


def open_trained_on(name: str, folder: Path, remedy: str = "Put it back there, or") -> Model:
    """The model that what is in `folder` was trained on, where it was then or in `$DISC_LITE_MODELS`.

    Whether it is the same one is for the caller to check. Raises UsageError where it is not found; `remedy` is what
    else may be done.
    """
    place = where_now(name)
    try:
        model = open_model(place)
    except UsageError as error:
        raise UsageError(
            f"The model that {folder} was trained on was not found.", error.what,
            f"{remedy} name where it is now: DISC_LITE_MODELS=FOLDER.",
        ) from error  # fmt: skip
    with suppress(UsageError):  # of a copy of a model of the hub: an export names that
        model = replace(model, reference=resolve(name).location)
    return model


def where_now(name: str) -> str:
    """The folder of a model that was moved: one of `$DISC_LITE_MODELS`, or one called as it was in one of these.

    Of one whose folder was exported only its name is known. One of the hub that is not on this machine may be a folder
    there that is called like it. What is found nowhere is returned as it is.
    """
    named = [Path(place) for place in os.environ.get("DISC_LITE_MODELS", "").split(os.pathsep) if place]
    alias = ALIASES.get(name.lower())
    called = Path(alias.hub_id if alias else name).name
    if not (named and called) or Path(name).is_dir():
        return name
    try:
        if _complete(resolve(name)):
            return name
        is_folder = False
    except UsageError:  # no model of the hub
        is_folder = True
    places = (place for one in named for place in (one / called, one) if is_folder or place.name == called)
    return next((str(place.resolve()) for place in places if (place / "config.json").is_file()), name)


def local_model(name: str) -> Model:
    """What is on this machine of a model, without the network; no fingerprint where some of it is missing."""
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
    """The folder of a model on this machine, with its weights or not; None where nothing of it was downloaded."""
    if source.kind == "folder":
        return Path(source.location)
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(source.location, "config.json")
    return Path(found).parent if isinstance(found, str) else None


def _complete(source: ModelSource) -> Path | None:
    """The folder of a model that was downloaded; None where some of it is missing."""
    folder = local_folder(source)
    with suppress(EnvironmentNotReady):
        if folder is not None:
            if not (_offline() or seems_whole(folder)):
                _fetch_rest(source.location, folder)
            check_folder(folder)
            return folder
    return None


def _fetch_rest(hub_id: str, snapshot: Path) -> None:
    """Download what is loaded of a model and was left out of this snapshot, such as its chat template, if it has that.

    Where the hub cannot be asked, the model is what is here. huggingface_hub notes what a snapshot does not have, so it
    is asked once.
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
    except Exception as error:  # of the HTTP library, of the hub's own transfer, of the disk: no class holds them all
        raise _broke_off(hub_id, error) from error


def _downloaded(hub_id: str) -> Path:
    """The snapshot of a model, with what is missing of it fetched from the hub; first what is small."""
    from huggingface_hub import snapshot_download

    folder = Path(snapshot_download(hub_id, allow_patterns=SMALL, local_files_only=_offline()))
    check_kind(folder)
    # Some repositories hold the weights twice: `consolidated.safetensors` of Mistral is as large as all the others.
    named = [path.name for path in weight_files(folder)] if (folder / INDEX).is_file() else []
    weights, others = (named, []) if named else (["*.safetensors"], ["consolidated*", "*/*"])
    return Path(snapshot_download(
        hub_id, allow_patterns=weights, ignore_patterns=others, local_files_only=_offline()
    ))  # fmt: skip


def _require_whole(hub_id: str, folder: Path) -> None:
    """Raises EnvironmentNotReady where what was downloaded is no model: the repository has none, or a part is here."""
    try:
        check_folder(folder)
    except EnvironmentNotReady as error:
        raise EnvironmentNotReady(
            f"{hub_id} is not a whole model in safetensors.", error.why,
            "Name a repository that has these files, as one of GGUF has not; or repeat it with a network connection.",
        ) from error  # fmt: skip


def _broke_off(hub_id: str, error: Exception) -> EnvironmentNotReady:
    from huggingface_hub.errors import LocalEntryNotFoundError

    said = next((line for line in str(error).splitlines() if line.strip()), "")[:160]
    if disk.is_full(error):
        return EnvironmentNotReady(
            f"The disk is full, so {hub_id} was not downloaded whole.", said,
            "Free some space and repeat the command: what was downloaded stays.",
        )  # fmt: skip
    if isinstance(error, LocalEntryNotFoundError):  # the hub was not reached at all
        return EnvironmentNotReady(
            f"{hub_id} is not on this machine, or not all of it, and cannot be downloaded.",
            "Offline mode is on." if _offline() else said,
            "Download it once with a network connection; or copy its folder here and name that: with --model, or for "
            "what was trained on it DISC_LITE_MODELS=FOLDER.",
        )
    if getattr(getattr(error, "response", None), "status_code", 0) == 401:
        return EnvironmentNotReady(
            f"The hub refused the account of this machine, so {hub_id} was not downloaded.", said,
            "Its token may be out of date: `hf auth login`, or take HF_TOKEN out of the environment.",
        )  # fmt: skip
    return EnvironmentNotReady(
        f"The download of {hub_id} broke off.", f"{type(error).__name__}: {said}",
        "Repeat the command: what was downloaded stays.",
    )  # fmt: skip
