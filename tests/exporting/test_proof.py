"""The proof sees every difference, and an export that fails it leaves nothing."""

import shutil
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from disc_lite.cli import main
from disc_lite.exporting import ggufwriting, weights
from disc_lite.exporting.outputs import proof_inputs
from disc_lite.exporting.proof import Outputs, ProofInputs, compare, mean_kl
from disc_lite.models.tokens import Tokens
from disc_lite.run.finished import open_run
from disc_lite.storage import read_jsonl, write_jsonl
from tests.exporting.base_gguf import write_base_gguf

gguf = pytest.importorskip("gguf")
pytestmark = [
    pytest.mark.usefixtures("without_llama_cpp"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),  # PEFT's, of transformers
]


ASKED = ProofInputs(("a", "b", " c"), 2, ((1,), (2,)), 2, 1)


def outputs(shift: float = 0.0, ids: int = 1, answer: int = 2, edge: int = 3) -> Outputs:
    logits = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]], dtype=np.float32)
    logits[0, 0] += shift
    return Outputs(((1,), (ids,), (edge,)), logits, ((1,), (2,), (answer,)))


def test_the_proof_sees_every_difference() -> None:
    def passed(other: Outputs, exact: bool) -> list[bool]:
        return [line.passed for line in compare(ASKED, outputs(), other, "x", exact)]

    assert passed(outputs(), True) == passed(outputs(), False) == [True] * 3
    assert passed(outputs(ids=9), False) == [False, True, True]
    (tokens, *_) = compare(ASKED, outputs(), outputs(edge=4), "x", True)
    assert (
        tokens.passed
        and tokens.text == "equal on 2 of 2 texts, and on 0 of 1 that begin with a space or a control token"
    )
    assert passed(outputs(0.02), True) == [True, False, True] and passed(outputs(0.02), False) == [True] * 3
    assert passed(outputs(9.0), False) == [True, False, True]
    assert passed(outputs(float("nan")), False)[1] is False
    assert passed(outputs(answer=5), True)[2] is False and passed(outputs(answer=5), False)[2] is True
    for number in (1, 2):  # of so few answers none may differ
        few = replace(outputs(), answers=((1,), (2,))[:number])
        assert compare(ASKED, few, few, "x", False)[2].passed
        assert not compare(ASKED, few, replace(few, answers=(*few.answers[1:], (9,))), "x", False)[2].passed
    p = torch.tensor(outputs().logits).log_softmax(-1)
    q = torch.tensor(outputs(1.5).logits).log_softmax(-1)
    assert mean_kl(outputs().logits, outputs(1.5).logits) == pytest.approx(
        (p.exp() * (p - q)).sum(-1).mean().item(), rel=1e-5
    )


def test_logits_of_many_tokens_are_compared_a_row_at_a_time() -> None:
    """Two hundred rows of a vocabulary of 262,144 would take gigabytes in fp64."""
    ours, theirs = np.random.default_rng(0).standard_normal((2, 50, 20_000), dtype=np.float32)
    tracemalloc.start()
    mean_kl(ours, theirs)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3 << 20  # ours are 4 MB


def test_three_questions_are_asked_however_few_were_held_out(run: Path) -> None:
    """A run that was measured with one question is compared with those it was trained on, or by neutral prompts."""
    finished = open_run(run)
    tokens = Tokens(finished.model.folder)
    rows = read_jsonl(run / "questions.jsonl")
    shown = lambda inputs: [tokens.decode(prompt) for prompt in inputs.prompts[: inputs.answered]]  # noqa: E731
    assert all("Who runs the" in text for text in shown(proof_inputs(finished, tokens)))
    write_jsonl(run / "questions.jsonl", rows[:1])
    first, *others = shown(proof_inputs(finished, tokens))
    assert "Who runs the workshop" in first and len(others) == 2 and not any("Who runs" in text for text in others)
    pairs = [{"document": "a.md", "passage": 0, "question": f"What is {n}?", "answer": "A hall."} for n in range(9)]
    write_jsonl(run / "pairs.jsonl", pairs)
    assert ["What is" in text for text in shown(proof_inputs(finished, tokens))] == [False, True, True]


def test_the_base_without_what_was_learned_never_passes() -> None:
    """Where little was learned, its logits are within what rounding may cost."""
    untrained = outputs(1.3).logits
    trained = replace(outputs(), untrained=untrained)
    rounded = Outputs(outputs().ids, outputs().logits + np.float32([0.1, 0, 0]), outputs().answers)
    (_, line, _) = compare(ASKED, trained, rounded, "x", exact=False)
    assert line.passed and ", of the base 0.0" in line.text
    (_, line, _) = compare(
        ASKED, trained, replace(rounded, logits=untrained + np.float32([0, 0.1, 0])), "x", exact=False
    )
    assert not line.passed and mean_kl(trained.logits, untrained) < 0.1
    nothing = replace(outputs(), untrained=outputs(0.05).logits)  # nothing was learned: nothing can be told apart
    assert compare(ASKED, nothing, replace(rounded, logits=outputs(0.1).logits), "x", exact=False)[1].passed


@pytest.mark.parametrize("to", ["adapter", "merged", "gguf-lora", "gguf"])
def test_a_failed_proof_leaves_nothing_and_exits_with_5(
    runs: Any, folders: Any, tmp_path: Path, monkeypatch: Any, capsys: Any, to: str
) -> None:
    """Each writer writes what was not trained."""
    if to == "adapter":
        real = shutil.copyfile

        def copy(source: Path, target: Path) -> None:
            real(source, target)
            if target.suffix == ".safetensors":
                save_file({n: 2 * t for n, t in load_file(target).items()}, target)

        monkeypatch.setattr(weights.shutil, "copyfile", copy)
    elif to == "merged":
        monkeypatch.setattr(
            "disc_lite.exporting.merging.Adapter.scale", property(lambda self: -3 * self.alpha / self.rank)
        )
    elif to == "gguf-lora":
        add = gguf.GGUFWriter.add_tensor
        monkeypatch.setattr(gguf.GGUFWriter, "add_tensor", lambda writer, name, v: add(writer, name, -1.5 * v))
    else:
        real_tensors = ggufwriting.quantised
        monkeypatch.setattr(ggufwriting, "quantised", lambda values, kind: real_tensors(0 * values, kind))
    command = ["disc-lite", "export", str(runs("llama")), "--to", to, "-o", str(tmp_path / "out"), "--quiet"]
    if to == "gguf":
        command += ["--base-gguf", str(write_base_gguf(folders("llama"), tmp_path / "base.gguf"))]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 5
    assert "differs from the trained one" in capsys.readouterr().err
    assert {p.name for p in tmp_path.iterdir()} <= {"base.gguf"}
