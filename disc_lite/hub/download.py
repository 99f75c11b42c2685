"""Downloads models from the hub. Does not import torch."""

from __future__ import annotations

import os
from pathlib import Path

from disc_lite.errors import DiscLiteError, EnvironmentNotReady
from disc_lite.hub.aliases import check_folder
from disc_lite.hub.families import check_kind
from disc_lite.hub.identity import SETTINGS, TOKENIZER, VOCABULARY_FILES
from disc_lite.hub.weights import INDEX, weight_files
from disc_lite.storage import disk

SMALL = ["*.json", "*.model", "*.jinja", "*.txt", "LICENSE*", "NOTICE*"]  # everything except the weights


def fetch_rest(hub_id: str, snapshot: Path) -> None:
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
            except Exception:  # as in `fetch`
                return


def is_offline() -> bool:
    return os.environ.get("DISC_LITE_OFFLINE", "") not in ("", "0")


def fetch(hub_id: str) -> Path:
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

    folder = Path(snapshot_download(hub_id, allow_patterns=SMALL, local_files_only=is_offline()))
    check_kind(folder)
    # Some repositories hold the weights twice: Mistral's `consolidated.safetensors` is as large as all other files.
    named = [path.name for path in weight_files(folder)] if (folder / INDEX).is_file() else []
    weights, others = (named, []) if named else (["*.safetensors"], ["consolidated*", "*/*"])
    # Of the same version: the publisher may have changed something since the first call.
    return Path(snapshot_download(
        hub_id, revision=folder.name, allow_patterns=weights, ignore_patterns=others, local_files_only=is_offline()
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
            "Offline mode is on." if is_offline() else message,
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
