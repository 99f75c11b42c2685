"""A chat template without BOS, of a tokenizer that adds one (TinyLlama-Chat, Zephyr): exports begin as training did."""

from pathlib import Path
from typing import Any

import pytest

from disc_lite.exporting import export
from disc_lite.exporting.ggufkeys import ADD_BOS
from disc_lite.exporting.ggufreading import open_gguf
from disc_lite.exporting.modelfile import modelfile
from disc_lite.models import Tokens, load_base
from disc_lite.models.template_check import check_template
from tests.exporting.base_gguf import write_base_gguf
from tests.made import finished_run, with_adapter
from tests.tiny_models import make_model

pytest.importorskip("gguf")
pytestmark = [
    pytest.mark.usefixtures("without_llama_cpp"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
]
ZEPHYR = """{% for message in messages %}
{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token }}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}"""


@pytest.fixture(scope="module")
def zephyr(tmp_path_factory: Any) -> tuple[Path, Path]:
    """Model folder and run."""
    root = tmp_path_factory.mktemp("zephyr")
    folder = make_model("mistral", root / "model")
    (folder / "chat_template.jinja").write_text(ZEPHYR)
    return folder, finished_run(root / "run", folder, with_adapter(load_base(folder, "none", "cpu"), 4))


def with_key(path: Path, says: bool | None) -> Path:
    """The same GGUF, which says whether BOS is added, or leaves that to the program."""
    from disc_lite.exporting.ggufwriting import write_model

    target = path.with_name(f"{says}.gguf")
    write_model(open_gguf(path), {}, {}, {} if says is None else {ADD_BOS: says}, target, lambda *_: None)
    return target


def test_such_a_model_is_asked_as_its_template_writes_it(zephyr: tuple[Path, Path]) -> None:
    tokens = Tokens(zephyr[0])
    passed, text, told = check_template(tokens)
    assert (passed, told) == (True, False)
    assert "begins without <s>" in text
    talk = [{"role": "user", "content": "Hi"}]
    rendered = tokens.hf.apply_chat_template(talk, add_generation_prompt=True)["input_ids"]
    assert tokens.bos == [tokens.hf.bos_token_id] and tokens.bos[0] not in rendered
    assert tokens.prompt("Hi") == rendered


@pytest.mark.parametrize("said", [True, False, None])
@pytest.mark.parametrize("to", ["gguf", "ollama"])
def test_a_whole_gguf_says_that_nothing_is_added(
    zephyr: tuple[Path, Path], tmp_path: Path, to: str, said: bool | None
) -> None:
    base = with_key(write_base_gguf(zephyr[0], tmp_path / "base.gguf"), said)
    made = export(zephyr[1], to, tmp_path / "out", base_gguf=base)
    assert open_gguf(tmp_path / "out" / "model.gguf").value(ADD_BOS) is False
    assert all(line["passed"] for line in made["proof"])
    assert "options" not in made
    if to == "ollama":
        assert "<|user|>\n" in (tmp_path / "out" / "Modelfile").read_text()
        assert "<s>" not in modelfile(zephyr[0], "model.gguf").partition("PARAMETER")[0]


def test_both_files_of_an_older_ollama_say_so(zephyr: tuple[Path, Path], tmp_path: Path) -> None:
    base = write_base_gguf(zephyr[0], tmp_path / "base.gguf")
    export(zephyr[1], "ollama", tmp_path / "out", base_gguf=base, legacy_adapter=True)
    written, file = open_gguf(tmp_path / "out" / "base.gguf"), open_gguf(base)
    assert written.value(ADD_BOS) is False
    assert {*written.reader.fields} == {*file.reader.fields, ADD_BOS}
    assert all((written.tensors[name].data == tensor.data).all() for name, tensor in file.tensors.items())


@pytest.mark.parametrize(("said", "advised"), [(True, True), (None, True), (False, False)])
def test_beside_another_base_the_user_is_told_what_to_add(
    zephyr: tuple[Path, Path], tmp_path: Path, said: bool | None, advised: bool
) -> None:
    base = with_key(write_base_gguf(zephyr[0], tmp_path / "base.gguf"), said)
    made = export(zephyr[1], "gguf-lora", tmp_path / "out", base_gguf=base)
    option = "--override-kv tokenizer.ggml.add_bos_token=bool:false"
    assert made.get("options") == (option if advised else None)
    assert (option in (tmp_path / "out" / "README.md").read_text()) is advised
    assert any(option in line["text"] for line in made["proof"]) is advised


def test_of_a_template_that_writes_it_nothing_is_changed(runs: Any, folders: Any, tmp_path: Path) -> None:
    base = with_key(write_base_gguf(folders("mistral"), tmp_path / "base.gguf"), True)
    export(runs("mistral"), "gguf", tmp_path / "out", base_gguf=base)
    assert open_gguf(tmp_path / "out" / "model.gguf").value(ADD_BOS) is True
