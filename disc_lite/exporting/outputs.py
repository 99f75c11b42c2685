"""The prompts for the models of a proof, and their outputs; the exported model's come from plain transformers calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from disc_lite.evaluation.instructions import neutral_prompts
from disc_lite.exporting.layout import Array
from disc_lite.exporting.proof import Outputs, ProofInputs
from disc_lite.losses.head import logits
from disc_lite.models import Base
from disc_lite.models.generation import generate
from disc_lite.models.tokens import Tokens
from disc_lite.packing import lone
from disc_lite.run.finished import FinishedRun

if TYPE_CHECKING:
    from transformers import PreTrainedModel

QUESTIONS, NEUTRAL = 3, 5
ANSWER_TOKENS = 64
TEXTS = (
    "Hello world", "two  spaces, and one after ", "line\nbreak\n\n\ttab", "don't, they've; I'll",
    "naïve café — “quoted” … 1,234.50 €", "Łódź, Ærøskøbing, Ünïcödé",
    "Москва, Ελλάδα, العربية, हिन्दी", "東京都 서울 ไทย", "🙂👩🏽‍🚀", "def f(x):\n    return x ** 2  # 4 spaces",
    "0123456789 3.14e-10", "http://example.org/a_b?c=d&e=%20",
)  # fmt: skip
# SentencePiece adds a space before every text and after every control token; fast tokenizers like Mistral's do not if
# there is one already. The model knows both tokenisations, so a difference here is reported but is not a failure.
LEADING = (" one before", "  two spaces before")


def proof_inputs(run: FinishedRun, tokens: Tokens) -> ProofInputs:
    """Return questions of the run, neutral prompts, and texts with the model's own control tokens.

    The questions are held-out ones, if there are few of those also trained ones, and without any the neutral prompts.
    """
    held_out = [q.text for q in run.folder.read_questions() if q.kind == "question" and not q.passage]
    taught, neutral = [pair.question for pair in run.folder.read_pairs()], neutral_prompts()[:NEUTRAL]
    questions = _spread(held_out, QUESTIONS)
    questions += _spread(taught, QUESTIONS - len(questions))
    prompts = [tokens.prompt(text) for text in (*questions, *neutral)]
    controls = [str(tokens.hf.convert_ids_to_tokens(i)) for i in (*tokens.bos, *sorted(tokens.stop_ids))]
    controls = list(dict.fromkeys(controls))
    certain = (*TEXTS, *controls)
    texts = (*certain, *LEADING, *(f"{control}Hello there{control} again" for control in controls))
    max_tokens = min(ANSWER_TOKENS, run.recipe.evaluation.answer_tokens)
    return ProofInputs(texts, len(certain), tuple(map(tuple, prompts)), QUESTIONS, max_tokens)


def _spread(texts: Sequence[str], number: int) -> list[str]:
    """Return at most `number` of the texts, evenly spread over the list."""
    step = max(1, len(texts) // max(1, number))
    return list(texts[::step][:number])


def outputs_of(base: Base, inputs: ProofInputs, adapter: bool) -> Outputs:
    """Return the outputs of a loaded model, by plain transformers calls."""
    with base.frozen(adapter=adapter) as model:
        by_prompt = [model(torch.tensor([p], device=model.device)).logits[0, -1].float() for p in inputs.prompts]
        said = _answers(base, model, inputs)
    return Outputs(token_ids(base.tokens, inputs), torch.stack(by_prompt).cpu().numpy(), said)


def trained_outputs(base: Base, inputs: ProofInputs) -> Outputs:
    """Return the trained model's outputs, with the base's logits; all prompts in one forward pass, for speed."""
    lasts = [len(prompt) - 1 for prompt in inputs.prompts]
    with base.frozen(adapter=False):
        untrained = logits_from(base, inputs.prompts, lasts)
    with base.frozen(adapter=True) as model:
        trained = logits_from(base, inputs.prompts, lasts)
        said = _answers(base, model, inputs)
    return Outputs(token_ids(base.tokens, inputs), trained, said, untrained)


def token_ids(tokens: Tokens, inputs: ProofInputs) -> tuple[tuple[int, ...], ...]:
    """Return the ids of the texts."""
    return tuple(tuple(tokens.hf.encode(text, add_special_tokens=False)) for text in inputs.texts)


def logits_from(base: Base, texts: Sequence[Sequence[int]], firsts: Sequence[int]) -> Array:
    """Return logits at the positions of each text from its `first` on, by one forward pass: [N, V], fp32.

    Call it inside `Base.frozen`, which decides about the adapter.
    """
    places = [
        (number, 0, position)
        for number, (text, first) in enumerate(zip(texts, firsts, strict=True))
        for position in range(first, len(text))
    ]
    hidden = base.hidden_at([lone(text) for text in texts], places)
    found: Array = logits(hidden, base.head).cpu().numpy()
    return found


def with_answers(inputs: ProofInputs, answers: Sequence[Sequence[int]]) -> tuple[list[tuple[int, ...]], list[int]]:
    """Return texts and first positions for `logits_from`, to get the logits of every token of the answers.

    A text is a prompt, with its answer except the last token if it was answered. The logits of the answers come first,
    then those of the first token after the other prompts.
    """
    answered, others = inputs.prompts[: inputs.answered], inputs.prompts[inputs.answered :]
    texts = [(*prompt, *answer[:-1]) for prompt, answer in zip(answered, answers, strict=True)]
    return [*texts, *others], [len(prompt) - 1 for prompt in inputs.prompts]


def _answers(base: Base, model: PreTrainedModel, inputs: ProofInputs) -> tuple[tuple[int, ...], ...]:
    continuations = generate(
        model, inputs.prompts[: inputs.answered], stop_ids=base.tokens.stop_ids, max_new_tokens=inputs.answer_tokens
    )
    return tuple(continuation.whole_ids for continuation in continuations)
