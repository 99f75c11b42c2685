"""What a GGUF says about prompts and the ends of answers: as in training, whatever its base or the converter says."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from disc_lite.exporting import export, ggufs
from disc_lite.exporting.ggufkeys import ADD_BOS, CHAT_TEMPLATE, EOS, EOT, changed_keys
from disc_lite.exporting.ggufreading import Gguf, open_gguf
from disc_lite.exporting.ggufwriting import write_model
from disc_lite.models import Tokens, load_base
from tests.exporting.base_gguf import write_base_gguf
from tests.made import finished_run, with_adapter
from tests.tiny_models import LLAMA, make_model

pytest.importorskip("gguf")
pytestmark = [
    pytest.mark.usefixtures("without_llama_cpp"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
]
CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"


@pytest.fixture(scope="module")
def base(folders: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base_gguf(folders("llama"), tmp_path_factory.mktemp("base") / "base.gguf")


def with_keys(base: Path, target: Path, **keys: Any) -> Gguf:
    """The same GGUF with other keys; without a chat template if that is ""."""
    write_model(
        open_gguf(base), {}, {}, {key.replace("__", "."): value for key, value in keys.items()}, target, lambda *_: None
    )
    return open_gguf(target)


@pytest.mark.parametrize(
    ("template", "same"),
    [
        (LLAMA, True),
        (LLAMA.replace("{{- bos_token }}", ""), True),  # llama.cpp adds it
        (LLAMA + "{# for tools #}{% if tools %}{{ tools }}{% endif %}", True),
        (LLAMA.replace("{%- if add_generation_prompt", "{%- if messages | length == 1"), False),  # in the second turn
        (LLAMA.replace("| trim", "| upper"), False),
        (CHATML, False),
        ("", False),
        ("{% for", False),
    ],
)
def test_a_template_that_writes_other_prompts_is_replaced(
    folders: Any, base: Path, tmp_path: Path, template: str, same: bool
) -> None:
    tokens = Tokens(folders("llama"))
    changed = changed_keys(tokens, with_keys(base, tmp_path / "other.gguf", tokenizer__chat_template=template))
    assert changed == ({} if same else {CHAT_TEMPLATE: tokens.hf.chat_template})


def test_the_export_has_the_template_of_the_training(runs: Any, folders: Any, base: Path, tmp_path: Path) -> None:
    own = Tokens(folders("llama")).hf.chat_template
    with_keys(base, tmp_path / "other.gguf", tokenizer__chat_template=CHATML)
    made = export(runs("llama"), "gguf", tmp_path / "out", base_gguf=tmp_path / "other.gguf")
    file = open_gguf(tmp_path / "out" / "model.gguf")
    assert file.value(CHAT_TEMPLATE) == own and made["proof"][-1]["what"] == "keys"
    assert CHAT_TEMPLATE in made["proof"][-1]["text"] and all(line["passed"] for line in made["proof"])
    lora = export(runs("llama"), "gguf-lora", tmp_path / "lora", base_gguf=tmp_path / "other.gguf")
    assert "--chat-template-file" in lora["proof"][-1]["text"] and "options" not in lora
    plain = export(runs("llama"), "gguf-lora", tmp_path / "plain", base_gguf=base)
    assert [line["what"] for line in plain["proof"]] == ["tensors"]


def test_an_end_that_llama_cpp_does_not_know_is_named(folders: Any, base: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders("llama"), tmp_path / "model"))
    (folder / "chat_template.jinja").write_text(LLAMA.replace("<|end|>", "<|user|>"))
    tokens = Tokens(folder)
    end = tokens.hf.convert_tokens_to_ids("<|user|>")
    assert changed_keys(tokens, open_gguf(base))[EOT] == end
    assert EOT not in changed_keys(tokens, with_keys(base, tmp_path / "eos.gguf", **{EOS.replace(".", "__"): end}))
    run = finished_run(tmp_path / "run", folder, with_adapter(load_base(folder, "none", "cpu"), 4))
    export(run, "gguf", tmp_path / "out", base_gguf=base)
    assert open_gguf(tmp_path / "out" / "model.gguf").value(EOT) == end
    made = export(run, "gguf-lora", tmp_path / "lora", base_gguf=base)
    assert made["options"] == f"--override-kv {EOT}=int:{end}"


def test_what_the_converter_says_otherwise_is_changed(tmp_path: Path, monkeypatch: Any) -> None:
    """Whether BOS is added llama.cpp's takes from tokenizer.json, also if tokenizer_config.json says otherwise."""
    from tests.exporting.test_begin import ZEPHYR

    folder = make_model("mistral", tmp_path / "model")
    (folder / "chat_template.jinja").write_text(ZEPHYR)
    run = finished_run(tmp_path / "run", folder, with_adapter(load_base(folder, "none", "cpu"), 4))
    (tmp_path / "convert_hf_to_gguf.py").write_text("")
    monkeypatch.setenv("DISC_LITE_LLAMA_CPP", str(tmp_path))

    def convert(command: list[str], check: Any) -> tuple[int, str]:
        written = write_base_gguf(Path(command[2]), tmp_path / "converted.gguf")
        with_keys(written, Path(command[4]), **{ADD_BOS.replace(".", "__"): True, "tokenizer__chat_template": CHATML})
        return 0, ""

    monkeypatch.setattr(ggufs, "run_child", convert)
    made = export(run, "gguf", tmp_path / "out")
    file = open_gguf(tmp_path / "out" / "model.gguf")
    assert file.value(ADD_BOS) is False and file.value(CHAT_TEMPLATE) == ZEPHYR
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"README.md", "export.json", "model.gguf"}
    assert made["proof"][-1]["what"] == "keys"
