"""Reading GGUF: files that are broken, cut or odd are refused, and old ones are taken."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from disc_lite.errors import UsageError
from disc_lite.exporting import export
from disc_lite.exporting.ggufreading import open_gguf
from disc_lite.storage import write_json
from tests.exporting.base_gguf import write_base_gguf
from tests.exporting.folders import edited_model, model_entry

gguf = pytest.importorskip("gguf")
pytestmark = [
    pytest.mark.usefixtures("without_llama_cpp"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),  # PEFT's, of transformers
]


def _header(keys: int = 0, tensors: int = 0, version: int = 3, body: bytes = b"") -> bytes:
    return struct.pack("<4sIQQ", b"GGUF", version, tensors, keys) + body


def _text(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


BROKEN = {
    "empty": b"", "text": b"hello " * 100, "version": _header(version=9), "keys": _header(keys=1 << 60),
    "tensors": _header(tensors=1 << 60), "cut": _header(keys=3), "key length": _header(1, body=struct.pack("<Q", 1 << 62)),
    "array": _header(1, body=_text(b"k") + struct.pack("<IIQ", 9, 4, 1 << 60)),
    "array of arrays": _header(1, body=_text(b"k") + struct.pack("<IIQ", 9, 9, 5)),
    "kind": _header(1, body=_text(b"k") + struct.pack("<I", 77)),
    "dimensions": _header(0, 1, body=_text(b"t") + struct.pack("<I", 1 << 30)),
    "shape": _header(0, 1, body=_text(b"t") + struct.pack("<IQQIQ", 2, 1 << 50, 1 << 50, 0, 0)),
    "beyond": _header(0, 1, body=_text(b"t") + struct.pack("<IQIQ", 1, 64, 0, 1 << 40)),
    "type": _header(0, 1, body=_text(b"t") + struct.pack("<IQIQ", 1, 64, 999, 0)),
    "alignment": _header(1, body=_text(b"general.alignment") + struct.pack("<II", 4, 0)),
    "same name": _header(0, 2, body=2 * (_text(b"t") + struct.pack("<IQIQ", 1, 1, 0, 0)) + bytes(64)),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_gguf_is_refused_at_once(runs: Any, tmp_path: Path, case: str) -> None:
    (tmp_path / "base.gguf").write_bytes(BROKEN[case])
    with pytest.raises(UsageError, match="not a valid GGUF"):
        export(runs("llama"), "gguf", tmp_path / "out", base_gguf=tmp_path / "base.gguf")


def test_a_gguf_that_is_cut_anywhere_is_refused(folders: Any, tmp_path: Path) -> None:
    path = write_base_gguf(folders("qwen2"), tmp_path / "base.gguf", "Q8_0")
    whole = path.read_bytes()
    open_gguf(path)
    for share in (0.0001, 0.01, 0.05, 0.3, 0.9, 0.9999):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(UsageError, match="not a valid GGUF"):
            open_gguf(path)


def _rewritten(
    path: Path, target: Path, without: str = "", key: Any = None, kinds: Any = None, renamed: Any = None
) -> Path:
    """A GGUF again: without a tensor or key, with a key of (name, value, type), or a tensor with another type or name."""
    file = open_gguf(path)
    writer = gguf.GGUFWriter(target, file.value("general.architecture"))
    for field in file.reader.fields.values():
        if not field.name.startswith(("GGUF.", "general.architecture")) and field.name not in (without, key and key[0]):
            inner = field.types[-1] if len(field.types) > 1 else None
            writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=inner)
    if key:
        writer.add_key_value(*key)
    for name, tensor in file.tensors.items():
        if name != without:
            writer.add_tensor(
                (renamed or {}).get(name, name),
                np.array(tensor.data).astype((kinds or {}).get(name, tensor.data.dtype)),
            )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


VALUES = gguf.GGUFValueType
ODD: dict[str, tuple[dict[str, Any], str]] = {
    "a part": ({"key": ("split.count", 3, VALUES.UINT16)}, "one of 3 files"),
    "not UTF-8": ({"key": ("general.name", b"\xff", VALUES.STRING)}, "not UTF-8"),
    "no tokens": ({"key": ("tokenizer.ggml.tokens", 3, VALUES.UINT32)}, "0 tokens"),
    "stretched": ({"key": ("llama.rope.scaling.type", "yarn", VALUES.STRING)}, "YaRN"),
    "no float": ({"kinds": {"output_norm.weight": np.int32}}, "I32"),
    "fused": (
        {"renamed": {"blk.0.attn_v.weight": "blk.0.attn_qkv.weight"}},
        "attn_v.weight .it was converted with --fuse-qkv",
    ),
    "no head": ({"without": "output.weight"}, "no tensor output.weight"),
}


@pytest.mark.parametrize("case", ODD)
def test_an_odd_base_gguf_is_refused_in_words(runs: Any, folders: Any, tmp_path: Path, case: str) -> None:
    change, why = ODD[case]
    path = _rewritten(write_base_gguf(folders("llama"), tmp_path / "base.gguf"), tmp_path / "odd.gguf", **change)
    with pytest.raises(UsageError, match=why):
        export(runs("llama"), "gguf", tmp_path / "out", base_gguf=path)


def test_a_later_part_of_a_model_is_refused_as_a_part(runs: Any, tmp_path: Path) -> None:
    """It has no architecture: llama.cpp writes keys of the model into the first part alone."""
    body = _text(b"split.no") + struct.pack("<IH", 2, 1) + _text(b"split.count") + struct.pack("<IH", 2, 3)
    (tmp_path / "base-00002-of-00003.gguf").write_bytes(_header(2, body=body) + bytes(64))
    with pytest.raises(UsageError, match="one of 3 files"):
        export(runs("llama"), "gguf", tmp_path / "out", base_gguf=tmp_path / "base-00002-of-00003.gguf")


def test_an_empty_array_is_refused_and_not_dropped(runs: Any, folders: Any, tmp_path: Path) -> None:
    raw = write_base_gguf(folders("llama"), tmp_path / "base.gguf").read_bytes()
    file = open_gguf(tmp_path / "base.gguf")
    end = max(t.field.offset + sum(int(p.nbytes) for p in t.field.parts) for t in file.reader.tensors)
    head = raw[:16] + struct.pack("<Q", 1 + file.reader.fields["GGUF.kv_count"].contents())
    head += _text(b"x.empty") + struct.pack("<IIQ", 9, 8, 0) + raw[24:end]
    (tmp_path / "odd.gguf").write_bytes(head + bytes(-len(head) % 32) + raw[file.reader.data_offset :])
    with pytest.raises(UsageError, match=r"an empty array: x\.empty"):
        export(runs("llama"), "gguf", tmp_path / "out", base_gguf=tmp_path / "odd.gguf")


def test_a_base_of_old_with_its_rotary_frequencies_is_taken(run: Path, folders: Any, tmp_path: Path) -> None:
    """Llama 2 has them in its folder; no GGUF does."""
    path = write_base_gguf(folders("llama"), tmp_path / "base.gguf")
    folder = edited_model(
        folders("llama"),
        tmp_path / "old",
        lambda t: t.update({"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8)}),
    )
    write_json(run / "run.json", model_entry(folder))
    export(run, "gguf", tmp_path / "out", base_gguf=path)
