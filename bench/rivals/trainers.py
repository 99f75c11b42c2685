"""TRL's DistillationTrainer and experimental SDFTTrainer on given completions.

Both would generate completions on-policy, which is not compared here: completions and the ids of prompts are given to
them. The teacher of DistillationTrainer is a second model that would read what the student reads; here it gets a prompt
of its own. Everything else is TRL's: batches, passes, loss, optimiser.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast, TrainerCallback
from trl import DistillationConfig, DistillationTrainer
from trl.experimental.sdft import SDFTConfig, SDFTTrainer

from bench.rivals.setup import LEARNING_RATE, TEMPERATURE, Setup, Watch, padded
from bench.rivals.tasks import Item, shape_of


class GivenDistillation(DistillationTrainer):  # type: ignore[misc]
    """DistillationTrainer with given completions, before which the teacher reads its own prompt."""

    def __init__(self, items: list[Item], **more: Any) -> None:
        self.items = items
        super().__init__(**more)

    def _generate(self, prompts: list[str]) -> tuple[Any, ...]:
        chosen = [self.items[int(prompt)] for prompt in prompts]
        return [list(i.student_prompt) for i in chosen], [list(i.completion) for i in chosen], None, None, None

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        chosen = [self.items[int(row["prompt"])] for row in inputs]
        prompts = padded([i.teacher_prompt for i in chosen], output["prompt_ids"].device, left=True)
        completed = {"input_ids": output["completion_ids"], "attention_mask": output["completion_mask"]}
        return output | {f"teacher_{k}": torch.cat([prompts[k], completed[k]], dim=1) for k in prompts}

    def _compute_loss(self, student: Any, inputs: dict[str, Any], number: Any) -> Any:
        self.taught = inputs["teacher_input_ids"], inputs["teacher_attention_mask"]
        return super()._compute_loss(student, inputs, number)

    def _get_last_hidden_state(self, model: Any, ids: Tensor, mask: Tensor, keep: int, **more: Any) -> Tensor:
        if model is self.accelerator.unwrap_model(self.teacher_model):
            ids, mask = self.taught
        hidden: Tensor = super()._get_last_hidden_state(model, ids, mask, keep, **more)
        return hidden


class GivenSDFT(SDFTTrainer):  # type: ignore[misc]
    """SDFTTrainer with given completions; `s` and an item's number mean a student's prompt, `t` and it a teacher's."""

    def __init__(self, items: list[Item], **more: Any) -> None:
        self.items = items
        super().__init__(**more)

    def _tokenize_prompts(self, prompts: list[str]) -> list[list[int]]:
        self.chosen = [self.items[int(prompt.split()[0][1:])] for prompt in prompts]
        of_teacher = prompts[0].startswith("t")
        return [list(i.teacher_prompt if of_teacher else i.student_prompt) for i in self.chosen]

    def _generate(self, prompt_ids: list[list[int]]) -> tuple[list[list[int]], list[list[int]]]:
        return prompt_ids, [list(item.completion) for item in self.chosen]


class Watching(TrainerCallback):
    """Reports a trainer's steps and epochs to a `Watch`. Clipping is off, so gradients are those of the loss."""

    def __init__(self, watch: Watch, parameters: dict[str, Any], models: Sequence[Any]) -> None:
        self.watch, self.parameters, self.models = watch, parameters, models

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.watch.ready(*self.models)

    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        self.watch.gradient(self.parameters, None)

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        self.watch.epoch()


def train_distillation(setup: Setup, watch: Watch) -> None:
    """Train with `DistillationTrainer`: a second model as teacher, chunked forward KL from hidden states."""
    base, teacher = setup.adapted(), setup.base().model
    data = Dataset.from_dict({"prompt": [str(n) for n in range(len(setup.items))]})
    with tempfile.TemporaryDirectory() as folder:
        arguments = DistillationConfig(beta=0.0, **_arguments(setup, folder))
        trainer = GivenDistillation(
            setup.items, model=base.model, teacher_model=teacher, args=arguments, train_dataset=data,
            processing_class=_tokenizer(setup),
        )  # fmt: skip
        _train(trainer, watch, base, teacher)


def train_sdft(setup: Setup, watch: Watch) -> None:
    """Train with `SDFTTrainer`: the model without adapter as teacher, whole logits of the completions, forward KL."""
    base = setup.adapted()
    numbers = range(len(setup.items))
    data = Dataset.from_dict(
        {"prompt": [f"s{n}" for n in numbers], "privileged_context": [f"t{n}" for n in numbers]}
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        arguments = SDFTConfig(
            teacher_model_kind="base", distillation_mode="full_logits", distillation_alpha=0.0,
            distillation_is_clip=None, num_loss_tokens_to_skip=0, num_generations=1,
            teacher_prompt_template="{privileged_context} {prompt}", **_arguments(setup, folder),
        )  # fmt: skip
        trainer = GivenSDFT(
            setup.items, model=base.model, args=arguments, train_dataset=data, processing_class=_tokenizer(setup)
        )
        _train(trainer, watch, base)


def _train(trainer: Any, watch: Watch, base: Any, *more: Any) -> None:
    trainer.add_callback(Watching(watch, base.adapter_parameters(), [base.model, *more]))
    trainer.train()


def _arguments(setup: Setup, folder: str) -> dict[str, Any]:
    on_card = setup.device.type == "cuda"
    return {
        "output_dir": folder, "per_device_train_batch_size": setup.batch, "gradient_accumulation_steps": 1,
        "num_train_epochs": setup.epochs, "learning_rate": LEARNING_RATE, "lr_scheduler_type": "constant",
        "weight_decay": 0.0, "max_grad_norm": 0.0, "optim": "adamw_torch", "temperature": TEMPERATURE,
        "shuffle_dataset": False, "bf16": on_card, "use_cpu": not on_card, "report_to": "none", "save_strategy": "no",
        "logging_steps": 10**6, "disable_tqdm": True, "gradient_checkpointing": setup.checkpointing, "seed": 0,
    }  # fmt: skip


def _tokenizer(setup: Setup) -> PreTrainedTokenizerBase:
    """Return a tokenizer, of which only the pad token is used; random weights get one with two words."""
    if shape_of(setup.model) is None:
        return AutoTokenizer.from_pretrained(setup.model, local_files_only=True, padding_side="left")
    words = Tokenizer(WordLevel({"<pad>": 0, "</s>": 1}, unk_token="<pad>"))
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="</s>", padding_side="left")
