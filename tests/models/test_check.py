"""Every family is read, asked and adapted correctly, or refused with a reason before any work is done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers.utils import logging

from disc_lite.errors import EnvironmentNotReady
from disc_lite.models import load_base, masks
from disc_lite.models.check import Check, check
from disc_lite.models.generation import graphs
from disc_lite.models.generation.plain import attends_only
from disc_lite.models.generation.sampling import next_tokens
from disc_lite.models.loading import load_unchecked
from disc_lite.packing import Segment, lone, pack
from tests.tiny_families import APART, READ, REFUSED, WINDOW, WRAPPED, make_family

logging.set_verbosity_error()  # it would warn of kernels that are not installed
A, B = list(range(20, 60)), list(range(100, 130))


@pytest.fixture(scope="session")
def families(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function: name -> folder of a tiny model of the family, created on first use; tests do not change it."""
    root = tmp_path_factory.mktemp("families")
    return lambda name: root / name if (root / name).is_dir() else make_family(name, root)


def findings(base: Any) -> dict[str, tuple[bool, str]]:
    return {line.name: (line.passed, line.text) for line in check(base).lines}


# Attention that `generation.attention` does not compute: capped scores, keys of another layer, arguments not passed on.
OWN_CACHE = ("gemma2", "gemma4", "gemma4_text", "stablelm", "nemotron")


@pytest.mark.parametrize("name", [*READ, *WRAPPED])
def test_a_family_passes_and_learns(families: Callable[[str], Path], name: str) -> None:
    """Loading runs the check. Here trees past the window, and gradients of every adapter parameter, check the check."""
    base = load_base(families(name), "none", "cpu")
    assert base.packs == (name not in APART)
    assert attends_only(base.causal) == (name not in {*APART, *OWN_CACHE})
    assert any("one text per row" in warning for warning in base.warnings) == (name in APART)
    tree = (Segment(tuple(A[:25])), Segment(tuple(A[25:]), 0), Segment(tuple(B), 0))
    places = [(1, 2, p) for p in range(len(B))]
    alone = [(0, 0, p) for p in range(25, 25 + len(B))]
    with base.frozen(adapter=False):
        together = base.hidden_at([lone(A), tree], places)
        torch.testing.assert_close(together, base.hidden_at([lone(A[:25] + B)], alone), rtol=0, atol=1e-4)
    gradients = []
    base.attach(2, 4.0, 0, recomputed=0)
    for checkpointed in (False, True):
        for layer in base._layers:
            layer.gradient_checkpointing = checkpointed
            layer._gradient_checkpointing_func = _checkpoint
        base.hidden_at([lone(A), tree], places).square().sum().backward()
        gradients.append({n: p.grad.clone() for n, p in base.adapter_parameters().items() if p.grad is not None})
        base.model.zero_grad()
    assert not [name for name in gradients[0] if "vision" in name or "visual" in name]
    assert all(g.abs().max() > 0 for n, g in gradients[0].items() if "lora_B" in n)
    assert len(gradients[0]) == len(base.adapter_parameters())
    torch.testing.assert_close(gradients[0], gradients[1])


def _checkpoint(function: Any, *args: Any) -> Any:
    return torch.utils.checkpoint.checkpoint(function, *args, use_reentrant=False)


@pytest.mark.parametrize("name", REFUSED)
def test_another_family_is_refused_with_the_reason(families: Callable[[str], Path], name: str) -> None:
    with pytest.raises(EnvironmentNotReady) as caught:
        load_base(families(name), "none", "cpu")
    assert caught.value.exit_code == 3
    assert REFUSED[name][2] in str(caught.value)
    assert len(caught.value.lines()) == 3


def test_a_mask_without_the_window_is_found(families: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    base = load_unchecked(families("mistral"), "none", "cpu")
    monkeypatch.setattr("disc_lite.models.base.attention_masks", lambda config, visible, *rest: visible)
    assert findings(base)["reading"] == (True, next(iter(check(base).warnings)))
    assert not base.packs  # read apart, which needs no mask


def test_a_window_is_narrowed_only_for_the_check(families: Callable[[str], Path]) -> None:
    base = load_unchecked(families("mistral"), "none", "cpu")
    seen = []
    base.before_each_forward(lambda: seen.append(base.causal.config.sliding_window))
    check(base)
    assert set(seen) == {8}
    assert base.causal.config.sliding_window == WINDOW


def test_layers_of_a_type_that_is_not_known_have_no_mask_so_texts_are_read_apart(
    families: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short text would not show it: Llama 4's chunks have 8,192 tokens, and indexed attention sees 2,048."""
    base = load_unchecked(families("qwen2"), "none", "cpu")
    assert check(base).passed and base.packs
    monkeypatch.setattr(masks, "FULL", "")  # makes the type of its layers unknown
    assert check(base).passed and not base.packs


def test_masks_are_by_type_of_layer(families: Callable[[str], Path]) -> None:
    visible = torch.ones(1, 1, 20, 20, dtype=torch.bool).tril()
    at = torch.arange(20)[None]
    for name, kinds in (
        ("llama", None), ("mistral", None), ("gemma2", {"full_attention", "sliding_attention"}),
        ("gemma3_text", {"full_attention", "sliding_attention"}),
    ):  # fmt: skip
        config = load_unchecked(families(name), "none", "cpu").causal.config
        made = masks.attention_masks(config, visible, at, 20, torch.float32)
        if kinds is None:
            near = made
        else:
            assert set(made) == kinds
            assert torch.equal(made["full_attention"] == 0, visible)
            near = made["sliding_attention"]
        expected = visible if name == "llama" else visible & visible.triu(1 - WINDOW)
        assert torch.equal(near == 0, expected)
        assert (near[~expected] == torch.finfo(torch.float32).min).all()


@pytest.mark.parametrize(("name", "kinds"), [("llama", 1), ("mistral", 1), ("gemma3_text", 2)])
def test_all_layers_keep_the_same_mask(families: Callable[[str], Path], name: str, kinds: int) -> None:
    """Each would keep one of its own, as large as the square of a row, if it were given a mask of another type."""
    base = load_unchecked(families(name), "none", "cpu")
    base.attach(4, 8, 0, recomputed=0)
    packed = pack([lone(range(20, 41)), lone(range(40, 54))])
    width, kept = packed.input_ids.shape[1], dict[int, tuple[int, ...]]()

    def keep(saved: torch.Tensor) -> torch.Tensor:
        if saved.shape[-2:] == (width, width):
            kept[saved.untyped_storage().data_ptr()] = saved.stride()
        return saved

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda saved: saved):
        base.hidden(packed)
    assert width % 8  # so that rows begin at a multiple of eight only in wider storage
    assert len(kept) == kinds
    assert all(stride % 8 == 0 for strides in kept.values() for stride in strides[:-1])


@pytest.mark.parametrize(("part", "broken"), [
    ("output layer", lambda base: setattr(base, "head", type(base.head)(base.head.weight))),
    ("adapter", lambda base: setattr(base.causal.get_decoder(), "experts", torch.nn.Parameter(torch.ones(9, 99, 99)))),
    ("documents", lambda base: setattr(base.tokens, "_private", base.tokens.hf.backend_tokenizer)),
    ("chat template", lambda base: setattr(base.tokens, "stop_ids", frozenset())),
])  # fmt: skip
def test_what_is_wrong_is_named(families: Callable[[str], Path], part: str, broken: Callable[[Any], None]) -> None:
    base = load_unchecked(families("gemma2"), "none", "cpu")
    assert check(base).passed
    broken(base)
    assert part in [line.name for line in check(base).lines if not line.passed]


def test_generation_that_is_not_greedy_is_found(
    families: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load_unchecked(families("llama"), "none", "cpu")
    monkeypatch.setattr("disc_lite.models.generation.sampling.sample", lambda logits, *rest: logits.argmin(-1))
    assert not findings(base)["generation"][0]


def test_a_graph_that_is_wrong_is_found(families: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass of all rows, which production replays from a graph, is one of those that are checked."""
    base = load_unchecked(families("llama"), "none", "cpu")

    def capture(graph: graphs.DecodingGraph, model: Any) -> None:
        graph.logits = -graphs.forward(model, graph.one_pass())  # picks the least likely token
        graph.graph = SimpleNamespace(replay=lambda: None)  # type: ignore[assignment]

    monkeypatch.setattr("disc_lite.models.generation.decoding.AT_ONCE", {"cpu"})
    monkeypatch.setattr(graphs.DecodingGraph, "_capture", capture)
    assert findings(base)["generation"][1].endswith("through the model's own cache")


def test_layers_that_call_another_attention_function_use_the_models_own_cache(
    families: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load_unchecked(families("llama"), "none", "cpu")
    monkeypatch.setattr(
        "disc_lite.models.generation.decoding.next_tokens",
        lambda logits, rows, min_p: next_tokens(-logits, rows, min_p),
    )
    passed, text = findings(base)["generation"]
    assert passed
    assert text.endswith("through the model's own cache")


def test_state_space_layers_take_no_kernel_that_passes_the_adapter_by(families: Callable[[str], Path]) -> None:
    base = load_base(families("granitemoehybrid"), "none", "cpu")
    base.attach(2, 4, 0)
    mixers = [module for module in base.model.modules() if hasattr(module, "A_log")]
    assert mixers
    assert not any(module.training for module in mixers)


def test_a_base_model_is_asked_with_a_plain_template(families: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(families("llama"), folder)
    (folder / "chat_template.jinja").unlink()
    base = load_base(folder, "none", "cpu")
    assert any("no chat template" in warning for warning in base.warnings)
    tokens = base.tokens
    prompt, answer = tokens.turn("Who?", "Ada.")
    assert tokens.hf.decode([*prompt, *answer]) == "<|begin|>Question: Who?\n\nAnswer: Ada.<|end|>"
    assert tokens.conversation([("Who?", "Ada.")], "When?")[: len(prompt)] == prompt


@pytest.mark.parametrize(("old", "new", "word"), [
    ("in messages", "in messages[-1:]", "every turn"),
    ("' }}{% endif %}", "<think>' }}{% endif %}", "always thinks"),
])  # fmt: skip
def test_what_the_user_should_know_of_a_template_is_said(
    families: Callable[[str], Path], tmp_path: Path, old: str, new: str, word: str
) -> None:
    shutil.copytree(families("llama"), folder := tmp_path / "model")
    template = folder / "chat_template.jinja"
    assert old in template.read_text()
    template.write_text(template.read_text().replace(old, new))
    base = load_base(folder, "none", "cpu")
    assert any(word in warning for warning in base.warnings)


def test_the_reason_is_the_first_line_that_failed(families: Callable[[str], Path]) -> None:
    base = load_unchecked(families("mixtral"), "none", "cpu")
    found: Check = check(base)
    assert [line.name for line in found.lines if not line.passed] == ["adapter"]
    with pytest.raises(EnvironmentNotReady, match="The adapter reaches 11%"):
        found.require(base)


def test_the_command_prints_all_lines_and_exits_with_3(families: Callable[[str], Path]) -> None:
    from click.testing import CliRunner

    from disc_lite.cli import cli

    right = CliRunner().invoke(cli, ["models", "check", str(families("llama")), "--device", "cpu", "--json"])
    content = json.loads(right.stdout)
    assert content["passed"]
    assert len(content["lines"]) == 6
    wrong = CliRunner().invoke(cli, ["models", "check", str(families("gpt2")), "--device", "cpu"])
    assert wrong.exception.exit_code == 3
    assert len(wrong.stdout.splitlines()) == 6
    assert "failed" in wrong.stdout
