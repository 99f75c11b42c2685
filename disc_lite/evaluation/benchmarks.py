"""Public benchmarks through lm-evaluation-harness (extra `eval`), on the model that is already in memory.

The base is the same object with the adapter off, so both are evaluated in exactly the same way.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from disc_lite.errors import DiscLiteError, EnvironmentNotReady, UsageError, memory_ran_out
from disc_lite.storage import JsonObject

if TYPE_CHECKING:
    from disc_lite.models import Base

BATCH = 8
SUFFIXES = (".yaml", ".yml")


def check_tasks(tasks: Sequence[str]) -> None:
    """Raises UsageError if a file is not a task, EnvironmentNotReady if the extra `eval` is not installed."""
    for task in tasks:
        _name(task)
    if tasks and find_spec("lm_eval") is None:
        raise _not_installed("No module named 'lm_eval'")


def require_known(tasks: Sequence[str]) -> None:
    """Raises UsageError for a task that the harness does not have. Imports the harness, but loads no model."""
    if not tasks:
        return
    unknown = sorted({_name(task) for task in tasks} - set(_manager(_folders_of(tasks)).all_tasks))
    if unknown:
        raise UsageError(
            f"lm-evaluation-harness has no task {unknown[0]}.",
            "",
            "`lm-eval ls tasks` lists all; or give a YAML file.",
        )


def run_benchmarks(
    opened: Callable[[], Base], tasks: Sequence[str], limit: int | None, tell: Callable[[str], None]
) -> Iterator[tuple[str, dict[str, dict[str, float]]]]:
    """Yield each task with {before, after} -> metric -> value as soon as it is measured, so that it can be saved.

    A task is a name known to the harness or a YAML file. Raises EnvironmentNotReady without the extra, or if the data
    of a task cannot be downloaded; UsageError for a task without a figure of its own.
    """
    harness, wrapper, _ = _harness()
    manager, base = _manager(_folders_of(tasks)), opened()
    for task in tasks:
        name, scores = _name(task), dict[str, dict[str, float]]()
        for when, adapter in (("before", False), ("after", True)):
            tell(f"{when}: {name} (lm-evaluation-harness)")
            with base.frozen(adapter=adapter) as model:
                wrapped = wrapper(pretrained=model, tokenizer=base.tokens.hf, backend="causal", batch_size=BATCH)
                scores[when] = _figures(_evaluated(harness, wrapped, name, manager, limit), name)
        yield task, _shared(scores)


def _folders_of(tasks: Sequence[str]) -> tuple[str, ...]:
    """The folders of those tasks that are YAML files."""
    return tuple(sorted({str(Path(task).parent.resolve()) for task in tasks if task.endswith(SUFFIXES)}))


@cache
def _manager(folders: tuple[str, ...]) -> Any:
    """The harness's list of its own tasks and those in `folders`; it takes seconds to build."""
    return _harness()[2](include_path=list(folders) or None)


def _figures(results: JsonObject, name: str) -> dict[str, float]:
    """Metric -> value of a task. Raises UsageError if it has no metric as a whole, as tags and some groups."""
    metrics = metrics_of(results.get(name, {}))
    if not metrics:
        others = [other for other, result in results.items() if metrics_of(result)]
        raise UsageError(
            f"lm-evaluation-harness gives no overall figure for {name}.", "",
            f"Name tasks that have one: --benchmarks {','.join(others)}." if others else "Name another task.",
        )  # fmt: skip
    return metrics


def _shared(scores: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The scores, reduced to the metrics that are finite both before and after."""
    metrics = [metric for metric in scores["before"] if metric in scores["after"]]
    return {when: {metric: values[metric] for metric in metrics} for when, values in scores.items()}


def metrics_of(result: JsonObject) -> dict[str, float]:
    """Metric -> value from the harness's result for a task; `metric (filter)` if a metric has several filters.

    The harness names them `metric,filter`: those of gsm8k are `exact_match,strict-match` and
    `exact_match,flexible-extract`. A value that is not finite is left out.
    """
    measured = {
        tuple(key.split(",", 1)): float(value)
        for key, value in result.items()
        if "," in key
        and isinstance(value, (int, float))
        and math.isfinite(value)
        and not key.split(",")[0].endswith("_stderr")
    }
    metrics = [metric for metric, _ in measured]
    return {
        metric if metrics.count(metric) == 1 else f"{metric} ({filtered})": value
        for (metric, filtered), value in measured.items()
    }


def _harness() -> tuple[Any, Any, Any]:
    try:
        from lm_eval import simple_evaluate
        from lm_eval.models.huggingface import HFLM
        from lm_eval.tasks import TaskManager
    except ImportError as error:
        raise _not_installed(str(error)) from error
    return simple_evaluate, HFLM, TaskManager


def _not_installed(why: str) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        "Benchmarks need lm-evaluation-harness, which is not installed.", why, "pip install 'disc-lite[eval]'"
    )


def _evaluated(harness: Any, model: Any, name: str, manager: Any, limit: int | None) -> JsonObject:
    """The harness's results for one task. Raises EnvironmentNotReady if the task cannot be run."""
    try:
        evaluated = harness(
            model, tasks=[name], task_manager=manager, limit=limit, apply_chat_template=True,
            bootstrap_iters=0, log_samples=False,
        )  # fmt: skip
    except DiscLiteError:
        raise
    except Exception as error:  # from the harness, a task's own code, or the network
        if memory_ran_out(error):
            raise
        offline = " (offline)" if os.environ.get("HF_HUB_OFFLINE") or os.environ.get("DISC_LITE_OFFLINE") else ""
        raise EnvironmentNotReady(
            f"A benchmark could not be run{offline}: {name}.",
            f"{type(error).__name__}: {error}".split("\n")[0],
            "The harness fetches a task's questions from the hub the first time; that needs the network.",
        ) from error  # fmt: skip
    results: JsonObject = evaluated["results"]
    return results


def _name(task: str) -> str:
    """The name of a task; for a YAML file, that in its line `task:`."""
    if not task.endswith(SUFFIXES):
        return task
    path = Path(task)
    if not path.is_file():
        raise UsageError(f"There is no task file {path}.", "", "Check its path, or name a task of the harness.")
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("task:"):
            return line.removeprefix("task:").strip().strip("\"'")
    raise UsageError(f"{path} names no task.", "", "A task file of lm-evaluation-harness has a line `task: NAME`.")
