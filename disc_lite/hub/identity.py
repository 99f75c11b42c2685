"""What a model is made of: the files of its folder that are loaded, and what tells it from every other model.

A folder may hold more: the weights a second time, the settings of a processor for images, whatever another program has
downloaded into the same snapshot. Such files change nothing that a run follows from, so they do not count.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from disc_lite.hub.weights import read_object, weight_files

SAMPLES, SAMPLE_BYTES = 64, 1 << 14  # of every weight file, evenly spaced
TOKENIZER = "tokenizer.json"
# Read by transformers wherever they are, but for `probes.json`, which disc-lite reads.
SETTINGS = (
    "config.json", "generation_config.json", TOKENIZER, "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "chat_template.jinja", "adapter_config.json", "probes.json",
)  # fmt: skip
# What a tokenizer is made from where there is no `tokenizer.json`; beside one they are not read.
VOCABULARY_FILES = ("tokenizer.model", "vocab.json", "merges.txt")
VOCABULARIES = ("*.model", "vocab.*", "merges.txt", "tekken.json")  # these, and rarer ones


def setting_files(folder: Path) -> list[Path]:
    """The files beside the weights that are loaded, in a fixed order."""
    patterns = [*SETTINGS, "additional_chat_templates/*.jinja"]
    if not (folder / TOKENIZER).is_file():
        patterns += VOCABULARIES
    return [path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()]


def has_tokenizer(folder: Path) -> bool:
    """Whether there is anything that a tokenizer is made from."""
    return any(path.is_file() for pattern in (TOKENIZER, *VOCABULARIES) for path in folder.glob(pattern))


def seems_whole(folder: Path) -> bool:
    """Whether a folder has all the settings that models for conversation have: other models may have no more."""
    usual = (TOKENIZER, "tokenizer_config.json", "generation_config.json")
    if not all((folder / name).is_file() for name in usual):
        return False
    own = folder / "chat_template.jinja"
    return own.is_file() or bool(read_object(folder / "tokenizer_config.json").get("chat_template"))


def weights_digest(folder: Path) -> str:
    """SHA-256 of the sizes and of samples of the weight files, whatever their names are.

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
    """SHA-256 of all that is loaded: of the settings their content, of the weights their digest."""
    digest = sha256(weights.encode())
    for path in setting_files(folder):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:32]
