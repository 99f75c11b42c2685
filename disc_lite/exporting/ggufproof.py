"""The proof of a whole GGUF by reading it back: its tensors, its keys, and how much of the update is in it."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from disc_lite.exporting.ggufreading import Gguf, open_gguf
from disc_lite.exporting.ggufwriting import COARSE, FILE_TYPE, ROUNDING
from disc_lite.exporting.job import Job
from disc_lite.exporting.layout import Array
from disc_lite.exporting.proof import Check
from disc_lite.exporting.quantising import SAFE

EACH = 50  # tensors between two messages
MOST_LOST = 0.1  # largest share of the update that may be lost
SAMPLED_ROWS = 16  # rows of a tensor in which that share is measured


def update_left(job: Job, path: Path, expected: Mapping[str, Callable[[], Array]]) -> Check:
    """Measure the share of the update in the file: 1 + (written - right)·(scale · B·A) / |scale · B·A|².

    It is taken over sampled rows. A small update may lie within the rounding of a type, which then restores every
    weight to what it was, or moves it further than it should. With llama.cpp the logits decide whether that is too
    much; without it, this share does.
    """
    file, lost, whole = open_gguf(path), 0.0, 0.0
    for name, values in expected.items():
        job.check()
        right = values()
        at = np.linspace(0, len(right) - 1, SAMPLED_ROWS).astype(int)
        off = file.rows(name, at) - right[at]
        module = job.modules[name]
        update = job.rows(module, partial(job.adapter.delta, module))()[at]
        lost, whole = lost - float(np.vdot(off, update)), whole + float(np.vdot(update, update))
    share = 1 - lost / max(whole, 1e-30)
    near = abs(1 - share) <= MOST_LOST
    text = f"{share:.0%} of the adapter's update is there" + ("" if near else f"; --type {SAFE} keeps it")
    return Check("update", near or bool(job.llama), "read back with gguf", text, share)


def read_back(
    job: Job, path: Path, expected: Mapping[str, Callable[[], Array]], base: Gguf | None = None,
    changed: Container[str] = (),
) -> list[Check]:  # fmt: skip
    """Return the proof without llama.cpp: adapted tensors are close to what they should be, others equal the base.

    `changed`: keys that differ from the base.
    """
    file, how = open_gguf(path), "read back with gguf; llama.cpp is not installed"
    worst, near = 0.0, True
    for number, (name, values) in enumerate(expected.items(), 1):
        job.check()
        if number % EACH == 1:
            job.tell(f"reading back tensor {number} of {len(expected)}")
        right = values()
        error = float(np.linalg.norm(file.numbers(name) - right) / max(1e-12, float(np.linalg.norm(right))))
        near = near and error <= ROUNDING.get(file.tensors[name].tensor_type.name, COARSE)
        worst = max(worst, error)
    text = f"{len(expected)} adapted, off by at most {worst:.2%} of their norm"
    lines = [Check("tensors", near, how, text, worst)]
    if base is not None:
        others = [name for name in base.tensors if name not in expected]
        equal = sum(np.array_equal(base.tensors[n].data, file.tensors[n].data) for n in others)
        # The file type describes the types of the tensors, and may change with them.
        keys = [k for k in base.reader.fields if not k.startswith("GGUF.") and k != FILE_TYPE and k not in changed]
        same = sum(base.value(key) == file.value(key) for key in keys)
        text = f"as in the base: {equal} of {len(others)} tensors, {same} of {len(keys)} keys"
        lines.append(Check("the rest", equal == len(others) and same == len(keys), how, text, equal))
    return lines
