"""Checks in six parts whether a model is read, prompted and adapted correctly, before anything else is computed.

Attention, output layers and chat templates differ between families, and a wrong assumption about them does not crash:
the loss falls and the answers are wrong. So each assumption is tried on the loaded model itself, with a short text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from disc_lite.errors import EnvironmentNotReady, memory_ran_out
from disc_lite.losses import log_probabilities
from disc_lite.models.base import Base
from disc_lite.models.coverage import covered_share
from disc_lite.models.generation import generate
from disc_lite.models.generation.graphs import WORTH_CAPTURING
from disc_lite.models.generation.plain import attends_only, use_own_cache
from disc_lite.models.positions import original_length
from disc_lite.models.template_check import check_template
from disc_lite.packing import Place, Segment, Tree, lone

TEXT = (
    "The lighthouse at Carn Point was built in 1874 from grey granite, and its lamp burned colza oil. Its first keeper "
    "was a carpenter who had never been at sea. In the winter of 1881 the ice held the harbour shut for nine weeks."
)
LONGEST, SHORT = 32, 16  # tokens of the two texts
BETWEEN = 24  # tokens: with this as its original length, LongRoPE treats only the first of the two texts as long
WINDOW = 8  # tokens, during the check: exceeding a real window would take thousands of tokens
NEW_TOKENS = WORTH_CAPTURING + 4  # for each prompt: on CUDA the last of them come from the graph
COVERED = 0.95  # smallest share of the decoder's weights that the adapter reaches
# Largest mean difference of log-probabilities that rounding alone may cause; a greedy token may be five times as far
# from the best one. A wrong mask or a missing logit cap changes them by tenths of a nat.
FP32, BF16 = 1e-3, 0.08

APART = "This model cannot read packed rows: it reads one text per row, without shared prefixes, which is slower."


@dataclass(frozen=True)
class Line:
    """The result of one part of the check."""

    name: str
    passed: bool
    text: str  # one sentence
    warns: bool = False  # passed, but the user should know


@dataclass(frozen=True)
class Check:
    """The results of all parts of the check of one model."""

    lines: tuple[Line, ...]

    @property
    def passed(self) -> bool:
        return all(line.passed for line in self.lines)

    @property
    def warnings(self) -> list[str]:
        return [line.text for line in self.lines if line.warns]

    def require(self, base: Base) -> None:
        """Raise EnvironmentNotReady, with the first reason, if the model failed."""
        failed = next((line for line in self.lines if not line.passed), None)
        if failed:
            raise EnvironmentNotReady(
                f"The model in {base.folder} cannot be adapted: the check of its {failed.name} failed.", failed.text,
                "`disc-lite models check` shows the whole check; `disc-lite models` lists models that work.",
            )  # fmt: skip


def check(base: Base) -> Check:
    """Check a model that has no adapter yet; if it cannot read packed rows, it reads one text per row from now on."""
    parts: dict[str, Callable[[Base], Line]] = {
        "reading": check_reading, "output layer": check_head, "generation": check_generation,
        "adapter": check_adapter, "chat template": _template, "documents": check_documents,
    }  # fmt: skip
    with _narrow_window(base):
        return Check(tuple(_outcome(name, part, base) for name, part in parts.items()))


def _outcome(name: str, part: Callable[[Base], Line], base: Base) -> Line:
    """Return the result of one part; if the part crashes, the model fails it."""
    try:
        return part(base)
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError, EnvironmentNotReady) as error:
        if memory_ran_out(error):
            raise
        return Line(name, False, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200])


# -- the parts ----------------------------------------------------------------------------------------------


def check_reading(base: Base) -> Line:
    """Check that a packed row and a tree equal the same tokens read alone, also beyond the sliding window."""
    difference = float("nan")
    for packs in (True, False) if base.packs else (False,):
        base.packs = packs
        try:
            difference = _by_packing(base)
            with _short_original(base) as is_short:  # if positions depend on lengths: also for texts on both sides
                difference = max(difference, _by_packing(base)) if is_short else difference
        except (RuntimeError, TypeError, LookupError, AttributeError) as error:
            if not packs or memory_ran_out(error):
                raise
            continue
        if difference <= _tolerance(base):
            break
    words = "packed rows and trees" if base.packs else "texts of several lengths in one batch"
    if not difference <= _tolerance(base):
        return Line("reading", False, f"Log-probabilities of {words} differ by {difference:.2g} from each text alone.")
    if base.packs:
        return Line("reading", True, f"packed rows and trees equal each text alone, {_within(difference)}")
    return Line("reading", True, APART, True)


def _by_packing(base: Base) -> float:
    """Return the mean difference between log-probabilities of texts read together and of each text read alone."""
    first, second = _texts(base)
    root, children = tuple(first[:SHORT]), (tuple(first[SHORT:]), tuple(second))
    tree: Tree = (Segment(root), *(Segment(child, 0) for child in children))
    runs = [(*root, *child) for child in children]
    # Every text alone, then together: two in a row, and two children of one root.
    alone = [_read(base, [lone(run)], [(0, 0, p) for p in range(len(run))]) for run in (first, second, *runs)]
    places: list[Place] = [(0, 0, p) for p in range(len(first))] + [(1, 0, p) for p in range(len(second))]
    for number, child in enumerate(children, 1):
        places += [(2, 0, p) for p in range(SHORT)] + [(2, number, p) for p in range(len(child))]
    together = _read(base, [lone(first), lone(second), tree], places)
    return _difference(base, torch.cat(alone), together, [t for run in (first, second, *runs) for t in run])


def check_head(base: Base) -> Line:
    """Check that log-probabilities which training computes from hidden states equal those of the model's own logits."""
    ids, _ = _texts(base)
    with base.frozen(adapter=False) as model:
        logits = model(input_ids=torch.tensor([ids], device=base.device)).logits[0].float()
        states = base.hidden_at([lone(ids)], [(0, 0, p) for p in range(len(ids))])
    own = logits.log_softmax(-1)[torch.arange(len(ids) - 1), torch.tensor(ids[1:])]
    ours = log_probabilities(states[:-1], torch.tensor(ids[1:], device=base.device), base.head)
    difference = float((own - ours).abs().mean())
    text = f"log-probabilities equal those of the model's own logits, {_within(difference)}"
    if not difference <= _tolerance(base):
        text = f"Log-probabilities differ by {difference:.2g} from those of the model's own logits."
    return Line("output layer", difference <= _tolerance(base), text)


def check_generation(base: Base) -> Line:
    """Check that prompts with a shared prefix continue with the tokens that are best if each is read alone."""
    with base.frozen(adapter=False) as model:
        for _ in range(2 if attends_only(model) else 1):
            try:
                worst = _below_the_best(base, model)
            except (NotImplementedError, TypeError):  # layers that call no attention function, or one of their own
                if not attends_only(model):
                    raise
                worst = float("inf")
            if worst <= 5 * _tolerance(base):
                own = "" if attends_only(model) else ", through the model's own cache"
                return Line(
                    "generation", True, f"prompts in one batch, with a shared prefix, continue as each alone{own}"
                )
            use_own_cache(model)
    return Line("generation", False, f"A generated token is {worst:.2g} nats below the best of its prompt alone.")


def _below_the_best(base: Base, model: PreTrainedModel) -> float:
    """Return how many nats a greedy token is below the best token of its prompt read alone, at most."""
    first, second = _texts(base)
    prompts, worst = [[*first, second[0]], [*first, *second[1:4]], second], 0.0
    written = generate(model, prompts, stop_ids=frozenset(), max_new_tokens=NEW_TOKENS, groups=[0, 0, 1])
    for prompt, continuation in zip(prompts, written, strict=True):
        ids = torch.tensor([[*prompt, *continuation.ids]], device=base.device)
        best = model(input_ids=ids).logits[0, len(prompt) - 1 : -1].float().log_softmax(-1)
        chosen = best.gather(-1, ids[0, len(prompt) :, None])[:, 0]
        worst = max(worst, float((best.max(-1).values - chosen).max()))
    return worst


def check_adapter(base: Base) -> Line:
    """Check that the adapter reaches nearly all weights of the decoder."""
    share = covered_share(base.causal)
    if share < COVERED:
        why = "the rest are experts or layers that LoRA does not reach"
        return Line("adapter", False, f"The adapter reaches {share:.0%} of the decoder's weights; {why}.")
    return Line("adapter", True, f"on linear layers with {share:.1%} of the decoder's weights")


def _template(base: Base) -> Line:
    return Line("chat template", *check_template(base.tokens))


def check_documents(base: Base) -> Line:
    """Check that a document's text gives no control token, even if it spells one."""
    tokens = base.tokens
    names = [str(tokens.hf.convert_ids_to_tokens(i)) for i in sorted(tokens.control_ids)]
    found = set(tokens.text(" ".join([*names, *names, TEXT, "".join(names)]))) & tokens.control_ids
    if found:
        return Line("documents", False, f"The text of a document becomes control tokens: {sorted(found)[:3]}.")
    return Line("documents", True, f"{len(names)} control tokens, none of them from text")


# -- what they share ----------------------------------------------------------------------------------------


def _texts(base: Base) -> tuple[list[int], list[int]]:
    """Return the ids of two texts, of LONGEST and SHORT tokens."""
    ids = (base.tokens.text(TEXT) * (LONGEST + SHORT))[: LONGEST + SHORT]
    return ids[:LONGEST], ids[LONGEST:]


def _read(base: Base, sequences: list[Tree], places: list[Place]) -> Tensor:
    with base.frozen(adapter=False):
        return base.hidden_at(sequences, places)


def _difference(base: Base, alone: Tensor, together: Tensor, ids: list[int]) -> float:
    """Return the mean difference of the log-probabilities of `ids` between two sets of hidden states [N, H]."""
    targets = torch.tensor(ids, device=base.device)
    first, second = (log_probabilities(states, targets, base.head) for states in (alone, together))
    return float((first - second).abs().mean())


def _within(difference: float) -> str:
    return f"within {difference:.1g} nats" if difference else "exactly"


def _tolerance(base: Base) -> float:
    return BF16 if base.state_dtype == torch.bfloat16 else FP32


@contextmanager
def _short_original(base: Base) -> Iterator[bool]:
    """Set LongRoPE's original length between those of the two texts; yields False for other models, see `positions`."""
    config = base.causal.get_decoder().config
    before = original_length(config)
    if before is None:
        yield False
        return
    try:
        config.rope_parameters["original_max_position_embeddings"] = BETWEEN
        yield True
    finally:
        config.rope_parameters["original_max_position_embeddings"] = before


@contextmanager
def _narrow_window(base: Base) -> Iterator[None]:
    """Set the sliding window, if the model has one, to a few tokens."""
    decoder: Any = base.causal.get_decoder()
    # transformers makes masks and caches from the configuration; attention functions get the attribute of the layer.
    holders = [h for h in (decoder.config, *decoder.modules()) if isinstance(getattr(h, "sliding_window", None), int)]
    windows = [holder.sliding_window for holder in holders]
    try:
        for holder, window in zip(holders, windows, strict=True):
            holder.sliding_window = min(window, WINDOW)
        yield
    finally:
        for holder, window in zip(holders, windows, strict=True):
            holder.sliding_window = window
