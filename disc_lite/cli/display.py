"""How a run is shown: progress on stderr while it goes, one table when it is done."""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

PLAIN_EVERY_S = 5.0
STAGES = {
    "model": "Model", "documents": "Documents", "questions": "Questions", "retention": "Neutral prompts",
    "evaluation": "Measuring", "teacher": "Teacher", "training": "Training",
}  # fmt: skip


class Silent:
    """Tells nothing."""

    def __call__(self, event: Any) -> None: ...

    def close(self) -> None: ...


class Plain:
    """Without a terminal: a line when a stage begins or ends, and every few seconds in between."""

    def __init__(self) -> None:
        self.stage, self.last = "", 0.0

    def __call__(self, event: Any) -> None:
        due = time.monotonic() - self.last > PLAIN_EVERY_S
        if event.stage != self.stage or due or event.done == event.total:
            self.stage, self.last = event.stage, time.monotonic()
            place = f" {event.done:,}/{event.total:,}" if event.total else ""
            line = f"{STAGES.get(event.stage, event.stage)}:{place} {_details(event)}"
            print(line.rstrip(), file=sys.stderr, flush=True)

    def close(self) -> None: ...


class Bars:
    """On a terminal: a bar for every stage, with what it says of itself."""

    def __init__(self, console: Console) -> None:
        self.progress = Progress(
            TextColumn("{task.description:<15}"), BarColumn(bar_width=24), TextColumn("{task.fields[place]:>15}"),
            TimeRemainingColumn(compact=True), TextColumn("{task.fields[details]}", style="dim"), console=console,
        )  # fmt: skip
        self.tasks: dict[str, TaskID] = {}
        self.progress.start()

    def __call__(self, event: Any) -> None:
        name = STAGES.get(event.stage, event.stage)
        for other, task in self.tasks.items():
            if other != name:  # what came before is over
                self._finish(task)
        if name not in self.tasks:
            self.tasks[name] = self.progress.add_task(name, total=None, place="", details="")
        place = f"{event.done:,}/{event.total:,}" if event.total else ""
        self.progress.update(
            self.tasks[name], completed=event.done, total=event.total or None, place=place, details=_details(event)
        )

    def _finish(self, task: TaskID) -> None:
        total = self.progress.tasks[task].total or 1
        self.progress.update(task, completed=total, total=total)

    def close(self) -> None:
        for task in self.tasks.values():
            self._finish(task)
        self.progress.stop()


def display(quiet: bool) -> Silent | Plain | Bars:
    """What fits where stderr goes."""
    console = Console(stderr=True)
    if quiet:
        return Silent()
    return Bars(console) if console.is_terminal else Plain()


def _details(event: Any) -> str:
    if event.stage != "training":
        return str(event.text)
    data = event.data
    speed = data["tokens"] / max(1e-9, data["seconds"])
    skipped = "  skipped: not finite" if data["skipped"] else ""
    loss = "-" if data["loss"] is None else f"{data['loss']:.4f}"
    return f"loss {loss}  {speed:,.0f} tokens/s  {_memory_gib():.1f} GiB{skipped}"


def _memory_gib() -> float:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated()) / 2**30
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)


# -- when it is done -------------------------------------------------------------------------------------


def show_summary(summary: dict[str, Any], console: Console) -> None:
    """What it learned, what it kept, what it took."""
    table = Table(title=f"{summary['model']} after {summary['documents']['read']} documents", title_justify="left")
    for heading in ("", "before", "after", "with the passage"):
        table.add_column(heading, justify="left" if not heading else "right")
    recall, completions = summary["recall"], summary["completions"]
    table.add_row(
        "[bold]learned[/bold]: questions, closed book",
        _share(recall["before"]),
        _share(recall["after"], True),
        _share(recall["ceiling"]),
    )
    if completions["before"]["of"]:
        table.add_row(
            "learned: statements finished in other words",
            _share(completions["before"]),
            _share(completions["after"], True),
            "",
        )
    for name, row in summary["retention"].items():
        if isinstance(row, dict):
            table.add_row(f"kept: {name.replace('_', ' ')}", _share(row["before"]), _share(row["after"]), "")
    table.add_row("drift from the base, nats per token", "0", f"{summary['retention']['kl']:.4f}", "")
    console.print(table)
    for remark in remarks(summary):
        console.print(remark, highlight=False)


def remarks(summary: dict[str, Any]) -> list[str]:
    """What a person should know beside the table, and what to type next."""
    documents, pairs = summary["documents"], summary["pairs"]
    lines = [
        f"{summary['steps']} steps in {summary['seconds']:.0f} s, peak {summary['peak_bytes'] / 2**30:.1f} GiB. "
        f"Adapter: {summary['adapter']}"
    ]
    if documents["refused"] or documents["duplicate"]:
        counts = f"{documents['refused']} files refused, {documents['duplicate']} duplicates"
        lines.append(f"{counts}: see {summary['run']}/ledger.jsonl")
    if pairs.get("dropped"):
        dropped = sum(pairs["dropped"].values())
        lines.append(
            f"{pairs['kept']} pairs kept, {dropped} dropped; {pairs['coverage'] or 0:.0%} of the sentences asked about."
        )
    low = summary["teachability"]["low"]
    if low:
        lines.append(
            f"Low teachability: {', '.join(low[:3])}{' …' if len(low) > 3 else ''}. What these say only once, "
            "split contexts cannot teach; use method: prompt (or both)."
        )
    return [*lines, f'Next: disc-lite ask {summary["run"]} "…" --base']


def _share(row: dict[str, Any], bold: bool = False) -> str:
    text = f"{row['share']:.1%} ({row['right']}/{row['of']})"
    return f"[bold]{text}[/bold]" if bold else text
