"""The command plan, and the plan that `adapt --dry-run` prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from disc_lite.cli.options import AS_JSON, QUIET, asks_for_a_run
from disc_lite.cli.terminal import escape_controls, print_json, untrusted
from disc_lite.errors import NothingToTeach, UsageError
from disc_lite.evaluation.updates import GONE
from disc_lite.planning.sizes import GIB
from disc_lite.run.wording import counted, data_size, duration

if TYPE_CHECKING:
    from rich.console import Console

    from disc_lite.planning.estimate import Plan
    from disc_lite.planning.memory import TrainingSetup
    from disc_lite.run.events import Listener
    from disc_lite.run.probe import Probe

VRAM = "Memory of the GPU, such as 8GB; by default "
WITH_WAY = 76  # columns
MAX_VRAM = click.option("--max-vram", metavar="SIZE", help=f"{VRAM}all that is free.")
HOST_RAM = click.option("--host-ram", metavar="SIZE", help="Memory of the machine, such as 16GB.")


@click.command(short_help="Show what an adaptation needs: memory, disk and time.")
@asks_for_a_run
@click.option("--max-vram", metavar="SIZE", help=f"{VRAM}that of the smallest GPU on which the run fits.")
@HOST_RAM
@click.option("--card", help="A GPU, such as rtx-4090, on which to estimate the time.")
@click.option("--cpu", is_flag=True, help="Plan for a run on the CPU.")
@click.option("--probe", is_flag=True, help="Load the model here, run the longest pass of a step, and measure it.")
@QUIET
@AS_JSON
def plan(probe: bool, as_json: bool, quiet: bool, **options: Any) -> None:
    """Show what an `adapt` with these arguments needs: memory, disk and time.

    Without --probe it loads no weights, needs no GPU and downloads nothing. The exit code is 4 if the run does not fit
    into --max-vram or --host-ram.
    """
    from disc_lite.run.plan import plan as plan_of

    device = "cpu" if options.pop("cpu") else None
    if not probe:
        print_plan(lambda show: (plan_of(device=device, listener=show, **options), None), as_json, quiet)
        return
    from disc_lite.run.budget import Limits
    from disc_lite.run.gathering import Arguments
    from disc_lite.run.probe import probe_run

    if options.pop("card"):
        raise UsageError("--probe measures this machine, and --card plans for another.", "", "Leave one of them out.")
    limits = Limits(device, options.pop("max_vram"), options.pop("host_ram"))
    print_plan(lambda show: probe_run(Arguments(**options), limits, show), as_json, quiet)


def print_plan(make: Callable[[Listener], tuple[Plan, Probe | None]], as_json: bool, quiet: bool) -> None:
    """Print the plan that `make` returns, as text or as JSON; then raises WillNotFit if the run does not fit.

    Reading the documents shows its progress, unless `quiet`. If an update has nothing to teach, that is printed and no
    error, since `adapt` would exit with 0.
    """
    from disc_lite.cli.progress import display
    from disc_lite.planning.estimate import as_json as to_json
    from disc_lite.run.budget import require_room

    try:
        with display(quiet) as show:
            plan, probe = make(show)
    except NothingToTeach as idle:
        if as_json:
            print_json({"nothing_to_teach": idle.what})
        else:
            click.echo(escape_controls(f"{idle.what} {idle.remedy}"))
        return
    if as_json:
        measured = {"probe": asdict(probe)} if probe else {}
        print_json({**to_json(plan), **measured})
    else:
        from rich.console import Console

        show_plan(plan, Console(highlight=False))
        if probe:
            click.echo(_measured(plan, probe))
    require_room(plan)


def _measured(plan: Plan, probe: Probe) -> str:
    less = probe.tokens < probe.planned_tokens
    full = f"a pass of {probe.planned_tokens:,} tokens did not fit; " if less else ""
    whose = "" if plan.budget.cuda else " (the whole process)"
    return (
        f"Measured: {full}a pass of {'at most ' * less}{probe.tokens:,} tokens in {probe.seconds:.2f} s and "
        f"{probe.measured_bytes / GIB:.2f} GiB{whose}, planned {probe.planned_bytes / GIB:.2f}"
        f"{' for the other' * less}; at this speed training takes {duration(60 * probe.training_minutes)}"
    )


def show_plan(plan: Plan, console: Console) -> None:
    """Print documents, the chosen execution, memory by stage, and the same run on cards of other sizes."""
    for line in (*_what(plan), *_how(plan)):
        console.print(untrusted(line))
    if plan.choice:
        console.print(_stages(plan))
    for line in (*_beside(plan), *filter(None, [plan.budget.untested]), *plan.remarks):
        console.print(untrusted(line))
    if plan.budget.cuda:
        console.print(_sizes(plan, console.width))


def _what(plan: Plan) -> list[str]:
    corpus, work = plan.corpus, plan.workload
    about, to_teach = "" if corpus.counted else "about ", "to teach: " if corpus.since else ""
    examples = ", ".join(f"{number:,} of {kind}" for kind, number in work.examples.items())
    return [
        f"{plan.shape.name}, recipe {plan.recipe.name}, method {plan.recipe.method}",
        f"{counted(corpus.documents, 'document')} ({corpus.refused} refused), "
        f"{to_teach}{about}{counted(corpus.tokens, 'token')}, {counted(corpus.passages, 'passage')}, "
        f"{counted(corpus.sentences, 'sentence')}",
        *([_since(plan)] if corpus.since else []),
        *_assumed(plan),
        f"Examples per epoch: {examples}; at most {counted(plan.recipe.train.epochs, 'epoch')}, "
        f"{counted(work.steps, 'step')} of about {counted(round(work.student_tokens / max(1, work.steps)), 'token')}, "
        f"{counted(work.student_tokens, 'token')} in all",
    ]  # fmt: skip


def _assumed(plan: Plan) -> list[str]:
    if plan.budget.assumed_gib is None:
        return []
    which = "the smallest on which it fits" if plan.fits else "the largest that is known"
    return [f"For a GPU of {plan.budget.assumed_gib:g} GB, {which} (yours: --max-vram or --card)"]


def _since(plan: Plan) -> str:
    """What an update takes over and what it teaches, in words."""
    recipe, since = plan.recipe, plan.corpus.since or {}
    rest = f"{since['changed']:,} changed and {since['new']:,} new (asked about and taught)"
    starts_anew = recipe.update.start == "new"  # a new adapter has nothing to unlearn
    gone = "not taught" if starts_anew and recipe.update.removed != "rehearse" else GONE[recipe.update.removed]
    held = "taught again" if starts_anew else f"rehearsed ({recipe.update.rehearse:g} to 1)"
    asked = plan.corpus.unlearned.number
    unlearned = f", at most {counted(asked, 'question')}" if asked else ""
    return (
        f"Update: {counted(since['unchanged'], 'passage')} unchanged (pairs and questions are taken over and {held}); "
        f"{rest}; {since['removed']:,} gone (pairs are {gone}{unlearned})"
    )


def _how(plan: Plan) -> list[str]:
    from disc_lite.run.budget import as_planned
    from disc_lite.run.execution import in_words

    choice = plan.choice
    if choice is None:
        return ["The run does not fit."]
    return [
        f"Training in {in_words(as_planned(plan.recipe, choice))}; the teacher reads {choice.reading_tokens:,} tokens "
        f"at once, and {choice.generation_rows} answers are generated at once"
    ]


def _stages(plan: Plan) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    assert plan.choice is not None
    whose, large = "GPU" if plan.budget.cuda else "memory", plan.choice.peak >= GIB
    unit, size_bytes, decimals = ("GiB", GIB, 2) if large else ("MiB", 1 << 20, 0)
    table = Table("stage", f"{whose}, {unit}", "of which", box=SIMPLE_HEAD)
    for stage in plan.choice.stages:
        parts = ", ".join(f"{name} {part / size_bytes:.{decimals}f}" for name, part in stage.parts.items())
        table.add_row(stage.name, f"{stage.peak / size_bytes:.{decimals}f}", parts)
    return table


def _beside(plan: Plan) -> list[str]:
    total = sum(plan.operations.values())
    lines = [
        f"Host memory {data_size(plan.host_bytes)}; run folder {data_size(plan.disk_bytes)}, of which "
        f"{data_size(plan.cache_bytes)} are teacher hidden states; {total:.2g} floating-point operations",
    ]  # fmt: skip
    if plan.read_again:
        lines.append(
            f"All teacher hidden states take {data_size(plan.state_bytes)}. There is no room for {plan.read_again:.0%} "
            "of them (disk, execution.teacher_cache_gib): the teacher computes these again in every epoch."
        )
    if plan.budget.card and plan.choice:
        by_stage = plan.minutes(plan.budget.card)
        times = ", ".join(f"{stage} {duration(60 * minutes)}" for stage, minutes in by_stage.items())
        lines.append(f"On {plan.budget.card.name}: about {duration(60 * sum(by_stage.values()))} ({times})")
    elif not plan.budget.cuda:
        lines.append("The time on a CPU is not known in advance: `disc-lite plan --probe` measures it here")
    return lines


def _sizes(plan: Plan, columns: int) -> Any:
    """A table of card sizes that fits into 80 columns without cut words; narrower ones leave out the execution."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from disc_lite.planning.estimate import by_size

    way = ("passes x\ntokens", "layers\nagain", "on the\nhost", "Adam,\nbits") if columns >= WITH_WAY else ()
    table = Table("GPU", *way, "peak,\nGiB", "about", "on", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for size_gb, card, made in by_size(plan):
        choice = made.choice if made.fits else None
        if choice is None:
            table.add_row(f"{size_gb} GB", "does not fit")
            continue
        how = (
            f"{choice.setup.passes} x {choice.setup.micro_batch_tokens:,}", str(choice.setup.recomputed),
            _on_host(choice.setup), str(choice.setup.optimizer_bits),
        )  # fmt: skip
        time = duration(60 * sum(made.minutes(card).values()))
        table.add_row(f"{size_gb} GB", *how[: len(way)], f"{choice.peak / GIB:.1f}", time, card.name)
    return table


def _on_host(setup: TrainingSetup) -> str:
    parts = {"embedding": setup.host_embedding, "inputs": setup.host_checkpoints}
    return ",\n".join(name for name, there in parts.items() if there)
