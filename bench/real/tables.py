"""Results as Markdown: a table for each domain with a column for each method, and one over all domains."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bench.gpu.report import GIB, table
from bench.real.runs import ORDER, TAGS, Measured
from disc_lite.evaluation.intervals import wilson

NOTHING = "–"
ROWS = {"floor": "floor", "rag": "RAG", "ceiling": "ceiling", "adapted": "adapted", "adapted_rag": "adapted + RAG"}
STAGES = ("model", "documents", "retention", "questions", "evaluation", "teacher", "training")
QUICK = "**Quick: fewer of everything, to see that it runs. Not a result.**"

Row = dict[str, Any]  # right, of, low, high, share, and f1 if the card has it
Line = tuple[str, Callable[[Sequence[Measured]], str]]  # name of a row -> its cell for a column of runs


def markdown(results: Sequence[Measured]) -> str:
    """Return all tables, with a section for each model and kind of run."""
    parts: list[str] = []
    for model, quick in dict.fromkeys((r.model, r.quick) for r in results):
        found = [r for r in results if (r.model, r.quick) == (model, quick)]
        parts += [f"# Real model: {model}{', quick' if quick else ''}", *([QUICK] if quick else [])]
        parts += _sections(found)
    return "\n\n".join(parts) + "\n"


def _sections(found: Sequence[Measured]) -> list[str]:
    columns = label_runs(found)
    domains = sorted({r.domain for r in found})
    parts: list[str] = []
    for domain in domains:
        here = {label: [r for r in runs if r.domain == domain] for label, runs in columns.items()}
        here = {label: runs for label, runs in here.items() if runs}
        measured = {label: runs for label, runs in here.items() if not runs[0].failed}
        parts.append(f"## {domain}")
        if measured:
            parts.append(_table(measured, [*_scores(measured), *_course(measured)]))
        parts.append(_notes(here))
    over_all = {label: [r for r in runs if not r.failed] for label, runs in columns.items()}
    over_all = {f"{label}, {len(runs)} domains": runs for label, runs in over_all.items() if len(runs) > 1}
    if over_all:
        parts += ["## All domains", _table(over_all, _scores(over_all))]
    return parts


def label_runs(found: Iterable[Measured]) -> dict[str, list[Measured]]:
    """Return the columns of the tables: a method, with the digest of its settings if there are several."""
    columns: dict[tuple[str, str], list[Measured]] = {}
    for r in sorted(found, key=lambda r: ORDER.index(r.method)):
        columns.setdefault((r.method, r.run.rpartition("-")[2]), []).append(r)
    methods = [method for method, _ in columns]
    return {
        method if methods.count(method) == 1 else f"{method} {digest}": runs
        for (method, digest), runs in columns.items()
    }


def _table(columns: dict[str, list[Measured]], lines: Sequence[Line]) -> str:
    rows = [(name, *(cell(runs) for runs in columns.values())) for name, cell in lines]
    return table(("", *columns), rows)


def pooled(rows: Sequence[Row]) -> Row:
    """Return the pooled counts of several rows, with the interval of their sum."""
    right, of = sum(r["right"] for r in rows), sum(r["of"] for r in rows)
    share = wilson(right, of)
    found = {"right": right, "of": of, "share": share.mean, "low": share.low, "high": share.high}
    if all("f1" in r for r in rows):
        found["f1"] = sum(r["f1"] * r["of"] for r in rows) / max(1, of)
    return found


def _scores(columns: dict[str, list[Measured]]) -> list[Line]:
    """Return the lines on what was learned and retained."""
    every = [r for runs in columns.values() for r in runs]
    lines: list[Line] = [(name, lambda runs, row=row: _score(_card_row(runs, row))) for row, name in ROWS.items()]
    lines.append(("adapted / ceiling", _of_ceiling))
    for tag in (t for t in TAGS if any(t in r.tags for r in every)):
        lines.append((f"{tag}: floor → adapted (ceiling)", lambda runs, tag=tag: _tagged(runs, tag)))
    if any(r.summary["card"]["completions"]["after"]["of"] for r in every):
        lines.append(("statements", lambda runs: _change([r.summary["card"]["completions"] for r in runs])))
    for name in dict.fromkeys(name for r in every for name in r.summary["card"]["retained"]):
        lines.append((name, lambda runs, name=name: _change([r.summary["card"]["retained"].get(name) for r in runs])))
    for key, name in (("general", "drift, general, nats"), ("self_generated", "drift, own prompts, nats")):
        lines.append((name, lambda runs, key=key: _mean([r.summary["card"]["drift"][key] for r in runs])))
    return lines


def _course(columns: dict[str, list[Measured]]) -> list[Line]:
    """Return the lines on training data, training and cost, with a column for each run."""
    every = [r for runs in columns.values() for r in runs]
    reasons = dict.fromkeys(reason for r in every for reason in r.summary["pairs"].get("dropped", {}))
    stages = [*STAGES, *sorted({stage for r in every for stage in r.seconds} - set(STAGES))]
    return [
        ("pairs accepted", lambda runs: str(runs[0].summary["pairs"]["accepted"])),
        *((f"dropped: {why}", lambda runs, why=why: str(runs[0].summary["pairs"].get("dropped", {}).get(why, 0)))
          for why in reasons),
        ("coverage", lambda runs: _share(runs[0].summary["pairs"].get("coverage"))),
        ("steps", lambda runs: _steps(runs[0].summary)),
        ("loss, first → last", lambda runs: _loss(runs[0].summary["loss"])),
        *((f"seconds: {s}", lambda runs, s=s: _seconds(runs[0].seconds.get(s))) for s in stages
          if any(s in r.seconds for r in every)),
        ("seconds", lambda runs: _seconds(sum(runs[0].seconds.values()))),
        ("peak GiB", lambda runs: f"{runs[0].summary['peak_bytes'] / GIB:.2f}"),
    ]  # fmt: skip


def _card_row(runs: Sequence[Measured], row: str) -> Row:
    return pooled([r.summary["card"]["rows"][row] for r in runs])


def _score(row: Row) -> str:
    interval = f"{row['low']:.0%} to {row['high']:.0%}"
    return f"{row['right']} of {row['of']}, {row['share']:.1%} ({interval}), F1 {row['f1']:.2f}"


def _of_ceiling(runs: Sequence[Measured]) -> str:
    ceiling = _card_row(runs, "ceiling")["right"]
    return _share(_card_row(runs, "adapted")["right"] / ceiling) if ceiling else NOTHING


def _tagged(runs: Sequence[Measured], tag: str) -> str:
    rows = [r.tags[tag] for r in runs if tag in r.tags]
    if not rows:
        return NOTHING
    floor, adapted, ceiling = (pooled([r[row] for r in rows]) for row in ("floor", "adapted", "ceiling"))
    return f"{floor['right']} → {adapted['right']} of {adapted['of']} ({ceiling['right']})"


def _change(found: Sequence[dict[str, Row] | None]) -> str:
    rows = [row for row in found if row is not None]
    if not rows:
        return NOTHING
    before, after = (pooled([row[when] for row in rows]) for when in ("before", "after"))
    lost = [row["lost"] for row in rows if "lost" in row]  # missing for statements and in results of earlier versions
    return f"{before['right']} → {after['right']} of {after['of']}" + (f", {sum(lost)} lost" if lost else "")


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.4f}"


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0%}"


def _seconds(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0f}"


def _steps(summary: dict[str, Any]) -> str:
    skipped, stopped = summary["skipped_steps"], summary["stopped_at"]
    notes = [f"{skipped} skipped"] if skipped else []
    notes += [f"back to {stopped['adapter_step']}, drift {stopped['kl']:.3f}"] if stopped else []
    return f"{summary['steps']}" + (f" ({'; '.join(notes)})" if notes else "")


def _loss(loss: dict[str, float]) -> str:
    return f"{loss['first']:.3f} → {loss['last']:.3f}" if loss else NOTHING


def _notes(columns: dict[str, list[Measured]]) -> str:
    """Return the settings and failures of each run, then where they ran; runs on the same machine share a line."""
    lines, places = [], {}  # type: list[str], dict[str, list[str]]
    for label, (r, *_) in columns.items():
        settings = [f"{key}={value}" for key, value in sorted(r.overrides.items())]
        settings += [f"pairs of {r.pairs}"] if r.pairs else []
        lines.append(f"- {label}: {r.run}" + (f"; {', '.join(settings)}" if settings else ""))
        if r.failed:
            lines.append(f"- {label} **failed**: {r.failed}")
        places.setdefault(_where(r), []).append(label)
    return "\n".join([*lines, *(f"- {', '.join(labels)}: {where}" for where, labels in places.items())])


def _where(r: Measured) -> str:
    calls = [f"{c['machine']}, {c['cores']} cores, commit {_short(c['commit'])}, {c['date']}" for c in r.calls]
    versions = ", ".join(f"{package} {version}" for package, version in r.summary.get("versions", {}).items())
    parts = [*(calls or ["machine not recorded"]), versions, f"seed {r.seed}"]
    return "; ".join(part for part in parts if part)


def _short(commit: str) -> str:
    """Return a commit, `<hash>` or `<hash> with changes`, with twelve digits of the hash."""
    digits, *rest = commit.split(" ")
    return " ".join((digits[:12], *rest))
