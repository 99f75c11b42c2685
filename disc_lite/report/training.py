"""Training curves (loss, retention, learning rate), and the time and memory of the run."""

from __future__ import annotations

from disc_lite.report.charts import POINTS, Mark, Values, figure, line_chart, smoothed, thinned
from disc_lite.report.markup import Child, Html, element, paragraph, table
from disc_lite.report.reading import Row, RunFiles
from disc_lite.run.execution import passes_in_words
from disc_lite.run.wording import counted, data_size, duration, listed

CURVES = {
    "loss": ("Loss", "per target token, weighted as the recipe says (loss): by default temperature² × nats"),
    "retention": ("Retention", "nats per token of the base's own answers, unweighted"),
    "learning_rate": ("Learning rate", ""),
}
SMOOTH_FROM = 40  # steps
MOST_STEPS = 10  # steps that are named


def training(run: RunFiles) -> list[Child]:
    if not run.steps:
        return []
    planned = max(int(row["steps"]) for row in run.steps)
    skipped = [int(row["step"]) for row in run.steps if row.get("skipped")]
    marks = [Mark(step, "skipped", 0.12) for step in skipped]
    if run.stopped:
        marks += [Mark(int(run.stopped["adapter_step"]), "adapter-step"), Mark(int(run.stopped["step"]), "stopped")]
    figures = [_curve(run, key, planned, marks) for key in CURVES]
    return [paragraph(_in_words(run, planned, skipped), class_="note"), *figures]


def _in_words(run: RunFiles, planned: int, skipped: list[int]) -> str:
    done = len(run.steps)
    words = f"{counted(done, 'step')}." if done == planned else f"{done:,} of {planned:,} planned steps."
    if len(run.steps) >= SMOOTH_FROM:
        words += f" Faint: {_grain(run)}. Strong: mean of the surrounding steps."
    if skipped:
        shown = listed([f"{step:,}" for step in skipped], MOST_STEPS)
        words += f" Red lines at the bottom: skipped steps, whose loss or gradient was not finite ({shown})."
    if run.resumes:
        after = listed([f"{row['after_step']:,}" for row in run.resumes], MOST_STEPS)
        words += f" Interrupted, and continued from the checkpoint of step {after}."
    words += "".join(_changed(row) for row in run.computed[1 : 1 + MOST_STEPS])
    if run.stopped:
        words += (
            f" Dashed: the drift reached {run.stopped['kl']:.4f} nats per token at step {run.stopped['step']:,}, above "
            f"the limit of {run.stopped['max_kl']:g}, and training ended. The adapter is that of step "
            f"{run.stopped['adapter_step']:,} (dotted)."
        )
    return words


def _changed(row: Row) -> str:
    """A sentence about a change in how the run was computed (what it learns does not depend on that)."""
    how = passes_in_words(row["micro_batch_tokens"], row["optimizer_bits"])
    return f" From step {row['after_step'] + 1:,} on, computed on {row['device']} in {how} ({row['why']})."


def _grain(run: RunFiles) -> str:
    each = -(-len(run.steps) // POINTS)
    return "as measured" if each == 1 else f"means of {each} steps"


def _curve(run: RunFiles, key: str, planned: int, marks: list[Mark]) -> Html | None:
    values: Values = [(int(row["step"]), row.get(key)) for row in run.steps]
    measured = [(value, step) for step, value in values if value is not None]
    if not measured or (key == "retention" and not any(value for value, _ in measured)):
        return None
    title, unit = CURVES[key]
    lowest = min(measured)
    first, last = (figure(measured[place][0]) for place in (0, -1))
    text = f"first {first}, last {last}, lowest {figure(lowest[0])} at step {lowest[1]:,}"
    if key == "learning_rate":
        text = f"highest {figure(max(measured)[0])}, last {last}"
    drawn = thinned(values)
    lines: dict[str, Values] = {"strong": drawn}
    if key != "learning_rate" and len(values) >= SMOOTH_FROM:
        lines = {"faint": drawn, "strong": smoothed(drawn, max(2, len(drawn) // 40))}
    heading = element("h3", title, element("span", f" {unit}", class_="unit") if unit else None)
    chart = line_chart(f"{title} over {counted(planned, 'step')}: {text}", lines, marks, planned)
    return element("figure", heading, chart, element("figcaption", text))


# -- time and memory ----------------------------------------------------------------------------------------


def costs(run: RunFiles) -> list[Child]:
    rows = [(name, value) for name, value in (*_work(run), *_machine(run)) if value]
    return [table("Work, time, memory, versions", (), rows)]


def _work(run: RunFiles) -> list[tuple[str, str]]:
    summary = run.summary
    pairs = summary["pairs"]
    dropped = pairs.get("dropped", {})
    coverage, few = pairs.get("coverage"), " (few)" if pairs.get("low_coverage") else ""
    what = "pairs left out" if pairs.get("given") else "drafts dropped"
    reasons = ", ".join(f"{reason}: {number:,}" for reason, number in dropped.items())
    return [
        ("method", summary["method"]),
        ("recipe", summary["recipe"]),
        ("passages", f"{summary['passages']:,}"),
        ("examples", _listed(summary["examples"])),
        ("pairs accepted", f"{pairs['accepted']:,}" if pairs["accepted"] else ""),
        (what, f"{sum(dropped.values()):,} ({reasons})" if dropped else ""),
        ("sentences with a pair", "" if coverage is None else f"{coverage:.1%}{few}"),
        ("teacher tokens", _listed(summary["teacher_tokens"])),
        ("student tokens", f"{sum(row['tokens'] for row in run.steps):,}" if run.steps else ""),
        ("target tokens", f"{sum(row['target_tokens'] for row in run.steps):,}" if run.steps else ""),
    ]


def _machine(run: RunFiles) -> list[tuple[str, Child]]:
    summary = run.summary
    skipped, training_s = summary["skipped_steps"], sum(row["seconds"] for row in run.steps)
    return [
        ("steps", f"{summary['steps']:,}" + (f", {skipped:,} of them skipped" if skipped else "")),
        ("time of all steps", duration(training_s) if run.steps else ""),
        ("time of the command that finished it", duration(summary["seconds"])),
        ("peak memory", data_size(summary["peak_bytes"])),
        *((f"version of {name}", version) for name, version in summary["versions"].items()),
    ]


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {number:,}" for name, number in counts.items() if number)
