"""What every test may ask for.

`folders(name)`   the folder of a tiny model, see `tests/tiny_models.py`
`load(name)`      a `Base` of it, of the test's own; with a rank also an adapter
`plain(name)`     a `Base` without an adapter, shared: for reading only
`runs(name)`      the folder of a finished run on it, as `tests/made.py` writes one; nobody changes it
`trained`         a folder with an adapter, a run and a merged model of the tiny Llama; nobody changes it
`asked_little`    runs of the file's tests ask their models little, which took two thirds of their time

The environment is that of a machine without a network and without a CUDA device, and the user's cache is left alone.
"""

from __future__ import annotations

import os

# Before torch and tokenizers load: forked children must find no thread pools, nothing asks a hub, and a GPU
# is left alone (what is tested to the byte is tested on the CPU; `bench/gpu.sh` checks the arithmetic of CUDA).
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

# Without a deadline, on a machine that is busy with something else; a `tmp_path` may serve all inputs of a property.
# Properties that are no row of docs/reliability.md get 40 inputs (those that are: `tests/tiers.py`).
settings.register_profile(
    "here", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# `make mutants`: a counter-example is enough, there is no time to look for a smaller one.
settings.register_profile(
    "mutants", settings.get_profile("here"), max_examples=100, phases=[Phase.explicit, Phase.generate],
    derandomize=True,
)  # fmt: skip
settings.load_profile("here")
tqdm.tqdm.monitor_interval = 0  # no thread for progress bars: tests fork

# Under `nohup` or in the background of a script these are ignored, and what is ignored stays so in a run.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


# Begun first, so that no process is left with a long file when the other has finished (`make test`).
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
    """To look for garbage among all that was imported by now takes most of a second, and is done again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """name -> folder of the tiny model, made when first asked for; nobody changes it."""
    root = tmp_path_factory.mktemp("models")
    return lambda name: root / name if (root / name).is_dir() else make_model(name, root / name)


@pytest.fixture(scope="session")
def load(folders: Callable[[str], Path]) -> Callable[..., Any]:
    """A fresh `Base` of a tiny model; with a rank, also an adapter whose B is not zero. A copy: loading checks it."""

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
    """The base of a tiny model without an adapter, shared: for reading only."""
    return functools.cache(load)


@pytest.fixture(scope="session")
def runs(load: Callable[..., Any], folders: Callable[[str], Path], tmp_path_factory: Any) -> Callable[..., Path]:
    """(name, quantize) -> a finished run of a tiny model, made when first asked for; nobody changes it."""
    from tests.made import finished_run

    root = tmp_path_factory.mktemp("runs")

    def made(name: str, quantize: str = "none") -> Path:
        run = root / f"{name}-{quantize}"
        return run if run.is_dir() else finished_run(run, folders(name), load(name, quantize, 4))

    return made


@pytest.fixture(scope="session")
def trained(load: Callable[..., Any], folders: Callable[[str], Path], tmp_path_factory: Any) -> Path:
    """A folder with `adapter`, `run` and `merged` of one and the same adapter of the tiny Llama."""
    from tests.made import finished_run, write_merged

    root = Path(tmp_path_factory.mktemp("trained"))
    sections = {"memory": {"quantize": "nf4"}, "prompt": {"answer_tokens": 24}}
    run = finished_run(root / "run", folders("llama"), load("llama", "nf4", rank=4), **sections)
    shutil.copytree(run / "adapter", root / "adapter")
    write_merged(root / "merged", folders("llama"), root / "adapter")
    return root


@pytest.fixture(scope="module")
def asked_little(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs ask ten instructions and neutral prompts, and the trained questions twice in training, with short answers."""
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
    """Self-generated prompts and answers are cached per user: not in this user's cache."""
    os.environ["DISC_LITE_CACHE"] = str(tmp_path_factory.mktemp("cache"))
