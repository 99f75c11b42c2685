"""The Modelfile: its TEMPLATE renders to what Jinja writes, in Python and in Go's own text/template."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from disc_lite.errors import UsageError
from disc_lite.exporting.gotemplate import _literal, _rendered, conversations, pieces_of
from disc_lite.exporting.modelfile import _copied_lines, modelfile
from disc_lite.models import Tokens
from tests.tiny_models import MODELS, make_tokenizer

# The templates of the real models without their branches for tools (by hand compared with the whole ones).
LLAMA_31 = """{{- bos_token }}
{%- if not date_string is defined %}{% set date_string = "26 Jul 2024" %}{% endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}{% set messages = messages[1:] %}
{%- else %}{% set system_message = "" %}{% endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"""
LLAMA_32 = LLAMA_31.replace('"26 Jul 2024"', 'strftime_now("%d %b %Y")')
MISTRAL_03 = """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}{% set loop_messages = messages[1:] %}
{%- else %}{% set loop_messages = messages %}{% endif %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('alternate') }}{% endif %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- else %}{{- " " + message["content"]|trim + eos_token }}{% endif %}
{%- endfor %}"""
QWEN_25 = """{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == "system" and loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{% endif %}"""
QWEN_3 = """{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(last_query_index=0) %}
{%- for message in messages %}{% if message.role == "user" %}{% set ns.last_query_index = loop.index0 %}{% endif %}{% endfor %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content.split('</think>')[-1].lstrip('\\n') %}
        {{- '<|im_start|>' + message.role + '\\n' }}
        {%- if loop.index0 > ns.last_query_index and loop.last %}{{- '<think>\\n\\n</think>\\n\\n' }}{% endif %}
        {{- content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{% endif %}
{%- endif %}"""
# What a Go template, a Modelfile or Ollama's parser would trip over.
HARD = """{{- bos_token }}{%- for message in messages %}
{{- '{{ .Role }} {{{ \"\"\"\\n\u00a0' + message.role + ' {' + message.content + '\"}}' + eos_token }}{% endfor %}
{%- if add_generation_prompt %}{{- '{{ .Role }} {{{ \"\"\"\\n\u00a0assistant {' }}{% endif %}"""

# name -> tokenizer of conftest, template (none: pocket's and the tiny models' own)
CASES: dict[str, tuple[str, str | None]] = {
    "llama-3.1": ("llama", LLAMA_31), "llama-3.2": ("llama", LLAMA_32), "mistral-0.3": ("mistral", MISTRAL_03),
    "qwen2.5": ("qwen2", QWEN_25), "qwen3": ("qwen3", QWEN_3), "hard": ("llama", HARD), "pocket": ("pocket", None),
    **{name: (name, None) for name in MODELS},
}  # fmt: skip
DAY = "26 Jul 2024"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """name or Jinja text -> a folder with a tokenizer and that chat template."""
    root = tmp_path_factory.mktemp("templates")

    @cache
    def make(tokenizer: str, template: str | None = None) -> Path:
        if tokenizer == "pocket":
            return Path(__file__).resolve().parents[2] / "disc_lite" / "pocket"
        if template is None:
            make_tokenizer(tokenizer, root / tokenizer)
            return root / tokenizer
        target = root / f"{tokenizer}{len(list(root.iterdir()))}"
        shutil.copytree(make(tokenizer), target)
        (target / "chat_template.jinja").write_text(template)
        return target

    return make


def template_of(text: str) -> str:
    start = text.index('TEMPLATE """') + len('TEMPLATE """')
    return text[start : text.index('"""\n', start)]


def expected(tokens: Any, talk: list[dict[str, str]]) -> str:
    """Jinja's own words: no BOS, no line with the date; up to the assistant's words that it goes on with."""
    begun = talk[-1]["content"] if talk[-1]["role"] == "assistant" else ""
    text = tokens.render(talk, not begun).removeprefix(tokens.hf.bos_token if tokens.bos else "")
    text = "\n".join(line for line in text.split("\n") if DAY not in line)
    return text[: text.rindex(begun) + len(begun)] if begun else text


@pytest.mark.parametrize("name", CASES)
def test_the_pieces_give_what_jinja_writes(name: str, folder: Any) -> None:
    tokens = Tokens(folder(*CASES[name]))
    pieces = pieces_of(tokens)
    assert len(list(conversations())) == 16
    for talk in conversations():
        assert pieces.render(talk) == expected(tokens, talk)


@pytest.mark.skipif(not shutil.which("go"), reason="no Go")
def test_go_gives_what_jinja_writes(folder: Any, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("ollama_template.go"), tmp_path / "main.go")
    all_tokens = {name: Tokens(folder(*case)) for name, case in CASES.items()}
    talks = [[{k.title(): v for k, v in m.items()} for m in talk] for talk in conversations()]
    jobs = [{"Template": template_of(modelfile(folder(*case), "m.gguf")), "Talks": talks} for case in CASES.values()]
    done = subprocess.run(
        ["go", "run", "main.go"], cwd=tmp_path, input=json.dumps(jobs), capture_output=True, text=True, check=True
    )
    for name, text in zip(CASES, json.loads(done.stdout), strict=True):
        assert text == [expected(all_tokens[name], talk) for talk in conversations()], name


def test_the_text_of_qwen(folder: Any) -> None:
    """Word by word, for machines without Go."""
    lines = [line for line in modelfile(folder(*CASES["qwen2.5"]), "model.gguf").split("\n") if line[:1] != "#"]
    assert "\n".join(lines) == (
        'FROM ./model.gguf\nTEMPLATE """{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ else }}'
        "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n{{ end }}"
        "{{ range $i, $_ := .Messages }}{{ $left := len (slice $.Messages $i) }}"
        '{{ if eq .Role "user" }}<|im_start|>user\n{{ .Content }}<|im_end|>\n'
        "{{ if eq $left 1 }}<|im_start|>assistant\n{{ end }}"
        '{{ else if eq .Role "assistant" }}<|im_start|>assistant\n{{ .Content }}'
        '{{ if gt $left 1 }}<|im_end|>\n{{ end }}{{ end }}{{ end }}"""\n'
        'SYSTEM """You are Qwen, created by Alibaba Cloud. You are a helpful assistant."""\n'
        'PARAMETER temperature 0\nPARAMETER stop "<|im_end|>"\n'
    )


def test_the_text_of_mistral_and_qwen3(folder: Any) -> None:
    assert template_of(modelfile(folder(*CASES["mistral-0.3"]), "m.gguf")) == (
        "{{ range $i, $_ := .Messages }}{{ $left := len (slice $.Messages $i) }}"
        '{{ if eq .Role "user" }}[INST] {{ if and $.System (eq $left 1) }}{{ $.System }}\n\n{{ end }}{{ .Content }}[/INST]'
        '{{ else if eq .Role "assistant" }} {{ .Content }}{{ if gt $left 1 }}</s>{{ end }}{{ end }}{{ end }}'
    )
    empty = "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    qwen3 = template_of(modelfile(folder(*CASES["qwen3"]), "m.gguf"))
    assert (
        f"{{{{ if eq $left 1 }}}}{empty}{{{{ else }}}}<|im_start|>assistant\n{{{{ end }}}}{{{{ .Content }}}}" in qwen3
    )
    assert f"{{{{ .Content }}}}<|im_end|>\n{{{{ if eq $left 1 }}}}{empty}{{{{ end }}}}" in qwen3


@pytest.mark.parametrize("name", ["llama-3.1", "llama-3.2"])
def test_no_date_and_no_bos_are_frozen_into_llama(name: str, folder: Any) -> None:
    text = modelfile(folder(*CASES[name]), "m.gguf")
    assert "Cutting Knowledge Date: December 2023\n\n" in text and "without the line with the date" in text
    assert "2024" not in text and "Today" not in text and "<|begin|>" not in text and "SYSTEM" not in text


def test_what_would_mean_something_is_spelled_as_a_go_string() -> None:
    assert _literal('a {b} "c"\n\té｜') == 'a {b} "c"\n\té｜'
    assert _literal('{{ x }} {{{ """" {') == (
        '{{ "{{" }} x }} {{ "{{{" }} ' + '{{ "' + "\\U00000022" * 4 + '" }} ' + '{{ "{" }}'
    )
    assert _literal("\u00a0\r") == '{{ "\\U000000a0" }}{{ "\\U0000000d" }}'


CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
BEGIN = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"


@pytest.mark.parametrize(
    ("tokenizer", "template", "why"),
    [
        ("qwen2", "{% if messages|length > 4 %}Long. {% endif %}" + CHATML + BEGIN, "it writes different text"),
        ("qwen2", "{{ messages[0].content if messages[0].role == 'system' }}" + CHATML + BEGIN, "more than once"),
        ("qwen2", "{% if messages[0].role == 'system' %}{{ raise_exception('none') }}{% endif %}" + CHATML + BEGIN,
         "refuses the roles system, user: none"),
        ("llama", "{{ bos_token if messages[0].role != 'system' }}" + CHATML + BEGIN, r"begins with <\|begin\|> only"),
        ("qwen2", "<|im_start|>{{ strftime_now('%Y') }}\n" + CHATML + BEGIN, "date in a line"),
    ],
)  # fmt: skip
def test_what_a_modelfile_cannot_express_is_refused_with_a_remedy(
    tokenizer: str, template: str, why: str, folder: Any
) -> None:
    with pytest.raises(UsageError, match=why) as error:
        modelfile(folder(tokenizer, template), "m.gguf")
    assert "ollama show --modelfile BASE" in error.value.remedy


SHOWN = '''# Modelfile generated by "ollama show"
# FROM base:latest
FROM /root/.ollama/models/blobs/sha256-00
TEMPLATE """{{ if .System }}a "quoted"
  FROM inside
{{ end }}
"""
system "two
lines"
RENDERER qwen3
PARAMETER stop <|im_end|>
PARAMETER temperature 0.6
LICENSE """
TEMPLATE of a licence
PARAMETER none
"""
MESSAGE user hello
'''


def test_the_lines_of_another_modelfile_are_taken(tmp_path: Path) -> None:
    """A folder without anything: nothing of it is read."""
    assert modelfile(tmp_path, "m.gguf", template=SHOWN.replace("\n", "\r\n")).split("\n", 1)[1] == (
        'FROM ./m.gguf\nTEMPLATE """{{ if .System }}a "quoted"\n  FROM inside\n{{ end }}\n"""\n'
        'SYSTEM "two\nlines"\nRENDERER qwen3\nPARAMETER stop <|im_end|>\nPARAMETER temperature 0.6\n'
    )
    with pytest.raises(UsageError, match="no TEMPLATE"):
        _copied_lines("FROM a\nPARAMETER stop x\n")
    with pytest.raises(UsageError, match="Jinja"):
        _copied_lines('FROM a\nTEMPLATE "{% for m in messages %}"\n')


def test_a_line_with_the_date_is_left_out_also_from_a_clock(folder: Any) -> None:
    tokens = Tokens(folder("qwen2", "On {{ strftime_now('%A %-d %B') }}:\n" + CHATML + BEGIN))
    assert _rendered(tokens, [{"role": "user", "content": "hi"}], prompt=False) == "<|im_start|>user\nhi<|im_end|>\n"


def test_a_default_system_prompt_that_a_modelfile_cannot_hold_stays_in_the_template(folder: Any) -> None:
    start = '{% if messages[0].role != \'system\' %}<|im_start|>system\nSay """so""".<|im_end|>\n{% endif %}'
    text = modelfile(folder("qwen2", start + CHATML + BEGIN), "m.gguf")
    assert "\nSYSTEM" not in text and 'Say {{ "' + "\\U00000022" * 3 + '" }}so{{ "' in text
