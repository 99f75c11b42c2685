"""The files of a model folder that are loaded, and a fingerprint that identifies the model.

A folder can hold more: the weights a second time, settings of an image processor, files that another program downloaded
into the same snapshot. A run does not depend on those, so they do not count.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from disc_lite.hub.weights import read_object, weight_files

SAMPLES, SAMPLE_BYTES = 64, 1 << 14  # samples per weight file, evenly spaced, and bytes per sample
TOKENIZER = "tokenizer.json"
# Files that transformers reads if they are there; `probes.json` is read by disc-lite.
SETTINGS = (
    "config.json", "generation_config.json", TOKENIZER, "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "chat_template.jinja", "adapter_config.json", "probes.json",
)  # fmt: skip
# Files from which a tokenizer is built if there is no `tokenizer.json`; otherwise they are not read.
VOCABULARY_FILES = ("tokenizer.model", "vocab.json", "merges.txt")
VOCABULARIES = ("*.model", "vocab.*", "merges.txt", "tekken.json")  # these, and rarer ones


def setting_files(folder: Path) -> list[Path]:
    """The files that are loaded besides the weights, in a fixed order."""
    patterns = [*SETTINGS, "additional_chat_templates/*.jinja"]
    if not (folder / TOKENIZER).is_file():
        patterns += VOCABULARIES
    return [path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()]


def has_tokenizer(folder: Path) -> bool:
    """Whether the folder has files from which a tokenizer can be built."""
    return any(path.is_file() for pattern in (TOKENIZER, *VOCABULARIES) for path in folder.glob(pattern))


def seems_whole(folder: Path) -> bool:
    """Whether a folder has all settings files of a typical chat model; others may have fewer and still be whole."""
    usual = (TOKENIZER, "tokenizer_config.json", "generation_config.json")
    if not all((folder / name).is_file() for name in usual):
        return False
    template_file = folder / "chat_template.jinja"
    return template_file.is_file() or bool(read_object(folder / "tokenizer_config.json").get("chat_template"))


def weights_digest(folder: Path) -> str:
    """SHA-256 of the sizes and of samples of the weight files, independent of their names.

    64 samples of 16 KiB per file distinguish any two trainings without reading 15 GB.
    """
    digest = sha256()
    for path in weight_files(folder):
        size = path.stat().st_size
        digest.update(f"{size}\0".encode())
        with path.open("rb") as stream:
            for k in range(SAMPLES):
                stream.seek(k * max(0, size - SAMPLE_BYTES) // (SAMPLES - 1))
                digest.update(stream.read(SAMPLE_BYTES))
    return digest.hexdigest()[:32]


def fingerprint(folder: Path, weights: str) -> str:
    """SHA-256 of everything that is loaded: the content of the settings files and the digest of the weights."""
    digest = sha256(weights.encode())
    for path in setting_files(folder):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:32]
