"""R11: whatever a hostile model folder contains, its code does not run, so a marker file is never written."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from disc_lite.chat.opening import ask, open_adapted
from disc_lite.errors import DiscLiteError, EnvironmentNotReady
from disc_lite.exporting import export
from disc_lite.hub.source import open_model
from disc_lite.models import load_base
from tests.made import SmallAdapt
from tests.tiers import reached

ROOT = Path(__file__).resolve().parents[2]
REMOTE = {
    "AutoConfig": "configuration_evil.EvilConfig",
    "AutoModelForCausalLM": "modeling_evil.EvilModel",
    "AutoTokenizer": ["tokenization_evil.EvilTokenizer", "tokenization_evil.EvilTokenizer"],
}
PICKLES = ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "scheduler.pt", "model.ckpt", "flax_model.msgpack")
# Modules that a child process or a lazy import would take from the working directory, in the order of the search.
SHADOWS = ("jinja2", "torch", "json", "sitecustomize", "bitsandbytes", "tokenizers", "mammoth", "sentencepiece", "evil")
ESCAPES = {
    "globals of a function": "{{ lipsum.__globals__['os'].system(CODE) }}",
    "globals of a method": "{{ cycler.__init__.__globals__.os.popen(CODE).read() }}",
    "through str.format": "{{ '{0.__globals__[os]}'.format(raise_exception) }}",
    "subclasses": "{{ messages.__class__.__mro__[1].__subclasses__() }}",
    "through attr": "{{ (lipsum|attr('__globals__'))['os'].system(CODE) }}",
    "through map": "{{ ([lipsum]|map(attribute='__globals__')|first)['os'].system(CODE) }}",
    "another file": "{% include 'modeling_evil.py' %}",
}


class Runs:
    """An object that runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (self.command,)


class Hostile:
    """A copy of a sound model folder, with many files that would write `marker` if they ran."""

    def __init__(self, sound: Path, root: Path) -> None:
        self.folder, self.marker = root / "model", root / "it-ran"
        shutil.copytree(sound, self.folder)
        self.command = f"touch {self.marker}"
        code = f"open({str(self.marker)!r}, 'w').close()\nclass EvilConfig: ...\nclass EvilModel: ...\nclass EvilTokenizer: ...\n"
        for name in ("configuration_evil", "modeling_evil", "tokenization_evil", "__init__", *SHADOWS):
            (self.folder / f"{name}.py").write_text(code)
        (self.folder / "custom_generate").mkdir()
        (self.folder / "custom_generate" / "generate.py").write_text(code + "def generate(*a, **b): ...\n")
        for name in PICKLES:
            (self.folder / name).write_bytes(pickle.dumps(Runs(self.command)))
        self.set("config.json", auto_map=REMOTE, trust_remote_code=True)
        self.set("tokenizer_config.json", auto_map={"AutoTokenizer": REMOTE["AutoTokenizer"]})

    def set(self, name: str, **values: Any) -> None:
        path = self.folder / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.fixture
def hostile(folders: Callable[[str], Path], tmp_path: Path) -> Hostile:
    return Hostile(folders("llama"), tmp_path)


def test_the_traps_would_spring(hostile: Hostile) -> None:
    """Otherwise the tests below would detect nothing."""
    for load in (
        lambda: pickle.loads((hostile.folder / PICKLES[0]).read_bytes()),
        lambda: subprocess.run([sys.executable, "-c", "import evil"], cwd=hostile.folder, check=True),
        lambda: subprocess.run([sys.executable, "modeling_evil.py"], cwd=hostile.folder, check=True),
    ):
        load()
        assert hostile.marker.exists()
        hostile.marker.unlink()


def test_a_run_with_its_exports_and_answers_runs_nothing_of_the_folder(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch, asked_little: None
) -> None:
    """The architecture is a known one, so the folder's own code is ignored."""
    small = SmallAdapt(hostile.folder.parent / "small", hostile.folder)
    monkeypatch.setenv("DISC_LITE_CACHE", os.environ["DISC_LITE_CACHE"])
    monkeypatch.chdir(hostile.folder)
    small.adapt(small.root / "run")
    ask(open_adapted(small.root / "run"), ["Who keeps the keys?"], device="cpu")
    for form in ("adapter", "merged"):
        folder = Path(export(small.root / "run", form, device="cpu")["output"])  # type: ignore[arg-type]
        assert not [path for path in folder.rglob("*") if path.suffix in (".py", ".bin", ".pt", ".ckpt")]
    assert not hostile.marker.exists()
    reached("R11", runs_with_traps_beside_the_weights=1)


def test_modules_in_the_working_directory_are_no_modules_of_ours(hostile: Hostile, tmp_path: Path) -> None:
    """The command as pip installs it, started in the folder, with a page that a child process reads."""
    (hostile.folder / "page.html").write_text("<p>The saw is loud.</p>")
    script = tmp_path / "bin" / "disc-lite"
    script.parent.mkdir()
    script.write_text("from disc_lite.cli import main\nmain()\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for words in (["documents", "page.html", "--model", "."], ["models", "check", "."]):
        done = subprocess.run(
            [sys.executable, str(script), *words], cwd=hostile.folder, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert not hostile.marker.exists()
    reached("R11", commands_in_the_folder=2)


REFUSED: dict[str, tuple[Callable[[Hostile], Any], str]] = {
    "an architecture in a file": (lambda h: h.set("config.json", model_type="evil", architectures=["EvilModel"]), "cannot be loaded"),
    "an architecture in a repository": (
        lambda h: h.set("config.json", model_type="evil", auto_map={k: f"evil/code--{v}" for k, v in REMOTE.items()}),
        "cannot be loaded",
    ),
    "weights as pickle only": (lambda h: (h.folder / "model.safetensors").unlink(), "pickle only"),
    **{
        f"a template: {name}": (
            lambda h, text=text: (h.folder / "chat_template.jinja").write_text(
                text.replace("CODE", repr(h.command)) + "{{ messages[0].content }}"
            ),
            "chat template cannot be used",
        )
        for name, text in ESCAPES.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_code_of_the_folder_is_refused(hostile: Hostile, name: str) -> None:
    change, words = REFUSED[name]
    change(hostile)
    with pytest.raises(EnvironmentNotReady) as caught:
        load_base(open_model(str(hostile.folder)).folder, "none", "cpu")
    assert words in caught.value.what and caught.value.exit_code == 3 and len(caught.value.lines()) <= 3
    assert not hostile.marker.exists()
    reached("R11", kinds_refused=1)


def test_a_tokenizer_class_of_its_own_is_not_imported(hostile: Hostile) -> None:
    """The tokenizers package reads its tokenizer.json whatever class is named, or the folder is refused."""
    hostile.set("tokenizer_config.json", tokenizer_class="EvilTokenizer")
    try:
        load_base(hostile.folder, "none", "cpu")
    except EnvironmentNotReady as error:
        assert "cannot be loaded" in error.what
    assert not hostile.marker.exists()


def test_an_adapter_that_names_a_library_does_not_import_it(
    trained: Path, hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = hostile.folder.parent / "adapter"
    shutil.copytree(trained / "adapter", adapter)
    for name in ("adapter_model.bin", "training_args.bin"):
        (adapter / name).write_bytes(pickle.dumps(Runs(hostile.command)))
    shutil.copy(hostile.folder / "evil.py", adapter)
    config = json.loads((adapter / "adapter_config.json").read_text())
    config["auto_mapping"] = {"base_model_class": "EvilModel", "parent_library": "evil"}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    monkeypatch.chdir(adapter)
    monkeypatch.syspath_prepend("")
    ask(open_adapted(adapter), ["Who?"], device="cpu")
    config["lora_ga_config"] = config["eva_config"] = {"code": "evil"}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(DiscLiteError, match="settings that disc-lite does not support"):
        open_adapted(adapter)
    assert not hostile.marker.exists()
    reached("R11", adapters_with_traps=2)
