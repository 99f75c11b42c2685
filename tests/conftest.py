"""Fixtures for all tests.

`folders(name)`   the folder of a tiny model, see `tests/tiny_models.py`
`load(name)`      a new `Base` of it, with an adapter if a rank is given
`plain(name)`     a shared `Base` without an adapter, which tests only read
`runs(name)`      the folder of a finished run on it, written by `tests/made.py`; tests do not change it
`trained`         a folder with an adapter, a run and a merged model of the tiny Llama; tests do not change it
`asked_little`    runs of the file's tests ask their models few questions, which saves two thirds of their time

The environment is that of a machine without network and CUDA device, and the user's cache is not touched.
"""

from __future__ import annotations

import os

# Before torch and tokenizers are loaded: forked children must find no thread pools, no hub is asked, and a GPU
# is not used (what is compared to the byte is tested on the CPU; `bench/gpu.sh` checks the arithmetic of CUDA).
os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1", DISC_LITE_OFFLINE="1")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import copy
import functools
import gc
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tqdm
from hypothesis import HealthCheck, Phase, settings

from tests.tiers import write_figures
from tests.tiny_models import make_model

# No deadline, because the machine can be busy. All inputs of a property can share one `tmp_path`.
# Properties that are in no row of docs/reliability.md get 40 inputs (for the others see `tests/tiers.py`).
settings.register_profile(
    "here", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# For `make mutants`: one counter-example is enough, so none is shrunk.
settings.register_profile(
    "mutants", settings.get_profile("here"), max_examples=100, phases=[Phase.explicit, Phase.generate],
    derandomize=True,
)  # fmt: skip
settings.load_profile("here")
tqdm.tqdm.monitor_interval = 0  # no monitor thread for progress bars, because tests fork

# Under `nohup` or in a background script these signals are ignored, and a run leaves ignored signals ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


# These files begin first, so that no process still has a long file when the other has finished (`make test`).
LONG = [f"tests/{name}.py" for name in (
    "run/test_adapt", "run/test_resume", "run/test_full_disk", "run/test_interrupts", "run/test_update",
)]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.nodeid.split("::")[0], len(LONG)))


def pytest_sessionfinish() -> None:
    write_figures()


@pytest.fixture(autouse=True, scope="module")
def _little_to_collect() -> None:
    """Exempt all imported objects from garbage collection, which would take most of a second each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function: name -> folder of the tiny model, created on first use; tests do not change it."""
    root = tmp_path_factory.mktemp("models")
    return lambda name: root / name if (root / name).is_dir() else make_model(name, root / name)


@pytest.fixture(scope="session")
def load(folders: Callable[[str], Path]) -> Callable[..., Any]:
    """A function that returns a new `Base` of a tiny model, with an adapter whose B is not zero if a rank is given.

    It copies a model that is loaded once, because loading includes a check.
    """

    @functools.cache
    def loaded(name: str, quantize: str) -> Any:
        from disc_lite.models import load_base

        return load_base(folders(name), quantize, "cpu")

    def fresh(name: str, quantize: str = "none", rank: int = 0, checkpointing: bool = False, b: float = 0.05) -> Any:
        from disc_lite.models import Tokens
        from disc_lite.models.base import Base
        from tests.made import with_adapter

        model, folder = copy.deepcopy(loaded(name, quantize).model), folders(name)
        base = Base(model, Tokens(folder), folder, quantize)
        return with_adapter(base, rank, b, None if checkpointing else 0) if rank else base

    return fresh


@pytest.fixture(scope="session")
def plain(load: Callable[..., Any]) -> Callable[[str], Any]:
    """A function: name -> shared base of a tiny model without an adapter, which tests only read."""
    return functools.cache(load)


@pytest.fixture(scope="session")
def runs(load: Callable[..., Any], folders: Callable[[str], Path], tmp_path_factory: Any) -> Callable[..., Path]:
    """A function: (name, quantize) -> finished run of a tiny model, created on first use; tests do not change it."""
    from tests.made import finished_run

    root = tmp_path_factory.mktemp("runs")

    def made(name: str, quantize: str = "none") -> Path:
        run = root / f"{name}-{quantize}"
        return run if run.is_dir() else finished_run(run, folders(name), load(name, quantize, 4))

    return made


@pytest.fixture(scope="session")
def trained(load: Callable[..., Any], folders: Callable[[str], Path], tmp_path_factory: Any) -> Path:
    """A folder with `adapter`, `run` and `merged`, all with the same adapter of the tiny Llama."""
    from tests.made import finished_run, write_merged

    root = Path(tmp_path_factory.mktemp("trained"))
    sections = {"memory": {"quantize": "nf4"}, "prompt": {"answer_tokens": 24}}
    run = finished_run(root / "run", folders("llama"), load("llama", "nf4", rank=4), **sections)
    shutil.copytree(run / "adapter", root / "adapter")
    write_merged(root / "merged", folders("llama"), root / "adapter")
    return root


@pytest.fixture(scope="module")
def asked_little(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs ask ten instructions and neutral prompts, and trained questions twice per training, with short answers."""
    from disc_lite.evaluation import instructions
    from disc_lite.run import stopping

    root = tmp_path_factory.mktemp("asked")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("INSTRUCTIONS", "NEUTRAL"):
            few = root / name
            few.write_text("".join(getattr(instructions, name).read_text().splitlines(keepends=True)[:10]))
            patch.setattr(instructions, name, few)
        patch.setattr(stopping, "FIT_CHECKS", 2)
        patch.setattr(stopping, "SLACK", 2)
        yield


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Use a cache of its own for self-generated prompts and answers, not the user's."""
    os.environ["DISC_LITE_CACHE"] = str(tmp_path_factory.mktemp("cache"))
