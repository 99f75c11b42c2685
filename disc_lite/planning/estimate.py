"""The plan of a run: what it computes, how, with how much memory and disk, and about how long."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from disc_lite.planning.amounts import SCRATCH_SHARDS, kept_shards, saved_bytes, shards_needed
from disc_lite.planning.cards import CARDS, OF_SIZE, Card, card_named, usable_bytes
from disc_lite.planning.choice import Choice, choose, dequantising
from disc_lite.planning.corpus import Corpus
from disc_lite.planning.cpu import computes_in_bf16, process_bytes
from disc_lite.planning.memory import CPU, CPU_BF16, CUDA, Footprint
from disc_lite.planning.shapes import Shape, known_shapes
from disc_lite.planning.sizes import GIB
from disc_lite.planning.workload import Workload
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import DISC, METHODS
from disc_lite.recipe.settings import changed

PROCESS_BYTES = 3 * GIB  # host memory of the process if a GPU computes
STEP_S = 0.02  # host time of a decoding step
# Settings that need less memory, the cheapest first.
CHEAPER: tuple[tuple[str, object], ...] = (
    ("execution.recomputed_layers", 0), ("execution.micro_batch_tokens", 0), ("execution.optimizer_bits", 8),
    ("memory.quantize", "nf4"), ("lora.rank", 32), ("lora.rank", 16), ("lora.rank", 8),
)  # fmt: skip
READ_SHARE = 0.65  # share of the memory bandwidth that a decoding step reaches


@dataclass(frozen=True)
class Budget:
    """What a run may use; None means unknown."""

    card: Card | None
    card_bytes: int | None  # bytes that may be allocated on the card; on a CPU, in host memory
    host_bytes: int | None
    disk_bytes: int | None
    cuda: bool = True
    eight_bits: bool = True  # bitsandbytes has AdamW in 8 bits for the device
    untested: str = ""  # a warning for devices that disc-lite was never run on
    assumed_gib: float | None = None  # memory of the assumed card if none was named, see `on_smallest_card`


@dataclass(frozen=True)
class Plan:
    """What is known of a run before it starts."""

    shape: Shape
    recipe: Recipe
    corpus: Corpus
    workload: Workload
    footprint: Footprint
    budget: Budget
    choice: Choice | None  # None if the run does not fit
    remarks: tuple[str, ...] = ()  # about settings that have no effect, or less than they say

    @property
    def state_bytes(self) -> int:
        """Bytes of all teacher hidden states."""
        return self.workload.state_positions * self.shape.hidden * self.footprint.costs.value_bytes

    @property
    def _shard_bytes(self) -> list[int]:
        """Bytes of each shard; the states of the retention examples, a small part, are counted in."""
        number = shards_needed(self.workload.state_positions)
        return [self.state_bytes // number] * number

    @property
    def _kept(self) -> int:
        """Number of shards whose states stay on disk."""
        free = self.budget.disk_bytes
        room = float("inf") if free is None else free - self._saved_bytes
        return kept_shards(self._shard_bytes, min(self.recipe.execution.teacher_cache_gib * GIB, room))

    @property
    def read_again(self) -> float:
        """Share of the lessons that the teacher reads again in every epoch, because their states do not fit on disk."""
        return 1 - self._kept / len(self._shard_bytes)

    @property
    def _readings(self) -> float:
        """Mean number of times that the teacher reads a lesson.

        Once if its states stay on disk; otherwise in every epoch, and once before for the teachability (DiSC).
        """
        measured = DISC in METHODS[self.recipe.method].lessons
        return 1 - self.read_again + self.read_again * (self.recipe.train.epochs + measured)

    @property
    def cache_bytes(self) -> int:
        """Maximum bytes of teacher hidden states on disk at the same time."""
        shards = self._shard_bytes
        return sum(shards[: self._kept]) + (sum(shards[-SCRATCH_SHARDS:]) if self._kept < len(shards) else 0)

    @property
    def host_bytes(self) -> int:
        """Bytes of host memory that the process needs; on a CPU this is all of its memory."""
        if not self.budget.cuda:
            return process_bytes() + (self.choice.peak if self.choice else 0)
        return PROCESS_BYTES + (self.footprint.on_host(self.choice.setup) if self.choice else 0)

    @property
    def fits(self) -> bool:
        """Whether some setup fits on the card, and what it needs of host memory and disk is available."""
        room = ((self.host_bytes, self.budget.host_bytes), (self.disk_bytes, self.budget.disk_bytes))
        return self.choice is not None and all(have is None or needed <= have for needed, have in room)

    @property
    def disk_bytes(self) -> int:
        """Bytes in the run folder: teacher hidden states, and what training saves."""
        return self.cache_bytes + self._saved_bytes

    @property
    def _saved_bytes(self) -> int:
        return saved_bytes(self.footprint.adapter, self.choice.setup.optimizer_bits if self.choice else 32, self.recipe)

    @property
    def operations(self) -> dict[str, float]:
        """Floating-point operations of each stage; a multiplication and an addition count as two."""
        n, v, w = self.shape.linear_parameters, self.shape.vocab * self.shape.hidden, self.workload
        again = 4 + 2 * (self.choice.setup.recomputed / self.shape.layers if self.choice else 1)
        lora = 6 * self.shape.adapter_parameters(self.recipe.lora.rank)
        read = w.teacher_tokens * self._readings + w.retention_tokens + w.measured_tokens
        return {
            "generation": 2.0 * n * (w.read_tokens + w.generated_tokens) + 2.0 * v * w.generated_tokens,
            "teacher": 2.0 * n * read + 4.0 * v * w.measured_targets,  # the teachability has logits of both
            "training": (again * n + lora) * w.computed_tokens + 6.0 * v * w.target_tokens,
        }

    def minutes(self, card: Card | str) -> dict[str, float]:
        """Minutes of each stage on this card; for generation a guess, since it depends on what the model writes.

        Raises UsageError if `card` is a name that is not known.
        """
        card = card_named(card) if isinstance(card, str) else card
        seconds = {stage: count / (card.tflops * 1e12) for stage, count in self.operations.items()}
        rows = self.choice.generation_rows if self.choice else 1
        step = max(STEP_S, self.footprint.base / (READ_SHARE * card.gb_per_s * 1e9))
        seconds["training"] *= dequantising(self.choice.setup, self.footprint) if self.choice else 1
        seconds["generation"] += step * self.workload.generated_tokens / rows
        return {stage: value / 60 for stage, value in seconds.items()}


def plan_run(shape: Shape, recipe: Recipe, corpus: Corpus, workload: Workload, budget: Budget) -> Plan:
    costs = CUDA if budget.cuda else CPU_BF16 if computes_in_bf16(shape.hidden) else CPU
    if not budget.eight_bits:
        costs = replace(costs, optimizer_bits=(32,))
    footprint = Footprint(shape, recipe.memory.quantize, recipe.lora.rank, costs)
    available = budget.card_bytes
    if available is not None and not budget.cuda:
        available -= process_bytes()
    on_host = max(0, budget.host_bytes - PROCESS_BYTES) if budget.cuda and budget.host_bytes is not None else None

    def chosen(reads_again: bool) -> Choice | None:
        found = choose(footprint, workload, recipe, available, on_host, reads_again)
        if found is None and on_host is not None:  # tells that host memory is what is missing
            found = choose(footprint, workload, recipe, available, None, reads_again)
        return found

    plan = Plan(shape, recipe, corpus, workload, footprint, budget, chosen(False))
    return replace(plan, choice=chosen(True)) if plan.read_again else plan


def _again(plan: Plan, budget: Budget, shape: Shape | None = None, recipe: Recipe | None = None) -> Plan:
    """The plan with another budget, model or recipe; the workload is that of the plan."""
    return plan_run(shape or plan.shape, recipe or plan.recipe, plan.corpus, plan.workload, budget)


def on_smallest_card(plan: Plan) -> Plan:
    """Plan the same run on the smallest known card on which it fits, or on the largest if it fits on none."""
    for size in sorted({card.memory_gib for card in CARDS.values()}):
        limits = replace(plan.budget, card_bytes=usable_bytes(round(size * GIB)), assumed_gib=size)
        made = _again(plan, limits)
        if made.fits:
            break
    return made


def by_size(plan: Plan) -> list[tuple[int, Card, Plan]]:
    """Plan the same run on cards of 8, 12, 16 and 24 GB; returns (GB, card, plan) for each."""
    rows = []
    for size, name in OF_SIZE.items():
        budget = Budget(CARDS[name], usable_bytes(size * GIB), plan.budget.host_bytes, plan.budget.disk_bytes)
        rows.append((size, CARDS[name], _again(plan, budget)))
    return rows


def what_fits(plan: Plan) -> str:
    """Return the cheapest change with which a run that does not fit would fit, as a command-line option."""
    for key, value in CHEAPER:
        if _again(plan, plan.budget, recipe=changed(plan.recipe, key, value)).fits:
            return f"--set {key}={str(value).lower()}"
    for shape in known_shapes():
        smaller = shape.linear_parameters < plan.shape.linear_parameters
        if smaller and _again(plan, plan.budget, shape).fits:
            return f"--model {shape.name}"
    return "--device cpu, or a larger card" if plan.budget.cuda else "a machine with more memory"


def as_json(plan: Plan) -> dict[str, Any]:
    """Return the plan as JSON for programs, in bytes, counts and minutes."""
    card, stages = plan.budget.card, plan.choice.stages if plan.choice else ()
    return {
        "model": plan.shape.name, "recipe": plan.recipe.name, "method": plan.recipe.method,
        "corpus": asdict(plan.corpus), "workload": asdict(plan.workload), "fits": plan.fits,
        "chosen": _chosen(plan), "stages": {s.name: {"peak": s.peak, **s.parts} for s in stages},
        "card": card.name if card else None, "card_bytes": plan.budget.card_bytes,
        "assumed_card_gib": plan.budget.assumed_gib, "host_bytes": plan.host_bytes,
        "disk_bytes": plan.disk_bytes, "state_bytes": plan.state_bytes, "read_again": plan.read_again,
        "untested": plan.budget.untested, "remarks": plan.remarks, "operations": plan.operations,
        "minutes": plan.minutes(card) if card and plan.choice else None,
        "by_size": {
            f"{size} GB": {"card": one.name, "fits": it.fits, "chosen": _chosen(it),
                           "peak": it.choice.peak if it.choice else None,
                           "minutes": it.minutes(one) if it.fits else None}
            for size, one, it in by_size(plan)
        },
    }  # fmt: skip


def _chosen(plan: Plan) -> dict[str, Any] | None:
    if plan.choice is None:
        return None
    return {**asdict(plan.choice.setup), "reading_tokens": plan.choice.reading_tokens,
            "generation_rows": plan.choice.generation_rows}  # fmt: skip
