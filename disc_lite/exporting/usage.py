"""How the forms of an export are used, for the model card and the command line. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from disc_lite.storage import JsonObject


@dataclass(frozen=True)
class Form:
    """What the card says about one form of an export; {load} is the base in Python."""

    library: str  # the hub's name of it
    tags: tuple[str, ...]
    what: str
    language: str  # language of the code block `use`
    use: str


_FOLDER = '"path/to/this/folder"'
FORMS = {
    "adapter": Form(
        "peft", ("lora",), "A LoRA adapter (rank {rank}, alpha {alpha}) for `{public}`", "python",
        "from peft import PeftModel\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n"
        f"model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained({{load}}), {_FOLDER})\n"
        "tokenizer = AutoTokenizer.from_pretrained({load})",
    ),
    "merged": Form(
        "transformers", (), "`{public}` with a LoRA adapter (rank {rank}, alpha {alpha}) merged into it", "python",
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
        f"model = AutoModelForCausalLM.from_pretrained({_FOLDER})\n"
        f"tokenizer = AutoTokenizer.from_pretrained({_FOLDER})",
    ),
    "gguf-lora": Form(
        "gguf", ("lora", "gguf"), "A LoRA adapter (rank {rank}, alpha {alpha}) for `{public}`, as GGUF", "",
        "llama-cli -m base.gguf --lora adapter.gguf",
    ),
    "gguf": Form(
        "gguf", ("gguf",), "`{public}` with a LoRA adapter (rank {rank}, alpha {alpha}) merged into it, as GGUF", "",
        "llama-cli -m model.gguf",
    ),
    "ollama": Form(
        "gguf", ("gguf",), "`{public}` with a LoRA adapter (rank {rank}, alpha {alpha}), for Ollama", "",
        "ollama create NAME -f Modelfile",
    ),
}  # fmt: skip
# Python code that loads the base as an adapter in NF4 was trained on it: in bf16, as it is computed on a GPU.
ON_NF4 = (
    "import torch\nfrom peft import PeftModel\n"
    "from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig\n"
    "nf4 = BitsAndBytesConfig(\n"
    '    load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,\n'
    "    bnb_4bit_compute_dtype=torch.bfloat16,\n)\n"
    "base = AutoModelForCausalLM.from_pretrained({load}, quantization_config=nf4, dtype=torch.bfloat16)\n"
    f"model = PeftModel.from_pretrained(base, {_FOLDER})\n"
    "tokenizer = AutoTokenizer.from_pretrained({load})"
)
# How to switch thinking off, by form.
_IN_PYTHON = (
    "`tokenizer.apply_chat_template(…, enable_thinking=False)`, or in a request to vLLM and SGLang "
    '`"chat_template_kwargs": {"enable_thinking": false}`'
)
_IN_LLAMA = "--reasoning off"
OFF = {
    "adapter": _IN_PYTHON, "merged": _IN_PYTHON, "gguf-lora": f"`{_IN_LLAMA}`", "gguf": f"`{_IN_LLAMA}`",
    "ollama": "`ollama run NAME --think=false`",
}  # fmt: skip
# How to ask for the likeliest answer, by form; some models also have a penalty for repetitions by default.
_GREEDY_PYTHON = (
    "This switches it off: `do_sample=False, repetition_penalty=1.0` in `generate`, or in a request to vLLM and "
    'SGLang `"temperature": 0, "repetition_penalty": 1`.'
)
_GREEDY_LLAMA = "This switches it off: `--temp 0 --repeat-penalty 1`."
GREEDY = {
    "adapter": _GREEDY_PYTHON, "merged": _GREEDY_PYTHON, "gguf-lora": _GREEDY_LLAMA, "gguf": _GREEDY_LLAMA,
    "ollama": "In a Modelfile `PARAMETER temperature 0` switches it off.",
}  # fmt: skip


def code_of(to: str, load: str, in_nf4: bool, about: JsonObject) -> str:
    """Return the code that loads an export; `load` is the base in Python, `in_nf4` whether it was trained in NF4."""
    use = ON_NF4 if to == "adapter" and in_nf4 else FORMS[to].use
    return " ".join(filter(None, (use, options_of(to, about)))).replace("{load}", load)


def options_of(to: str, about: JsonObject) -> str:
    """Return the options that llama.cpp has to be called with: the record's `options`, and to switch thinking off."""
    off = _IN_LLAMA if to.startswith("gguf") and "thinking" in about else ""
    return " ".join(filter(None, (about.get("options"), off)))


def asking(to: str, about: JsonObject) -> Iterator[str]:
    """Yield paragraphs about how an export is asked as it was measured; some depend on what its record has."""
    yield f"Its answers were measured without sampling, which most programs do by default. {GREEDY[to]}"
    yield ""
    if "thinking" in about:
        yield (
            "It was trained and measured with thinking off; its chat template has it on by default. "
            f"This switches it off: {OFF[to]}."
        )
        yield ""
    if "prompt_form" in about:
        yield from ("The base has no chat template. It was trained with prompts of this form:", "", "```")
        yield from (about["prompt_form"], "```", "")
    if "end" in about:
        token, number = about["end"]["token"], about["end"]["id"]
        yield (
            f"Its answers end with `{token}`, which the base does not name as an end: `eos_token_id={number}` in "
            f'`generate`, or in a request to vLLM and SGLang `"stop_token_ids": [{number}]`.'
        )
        yield ""
