"""Trains pocket: `python pocket/train.py OUT [--minutes 40]`.

Muon for the matrices inside the layers, AdamW for the embedding and the norms; bf16 autocast. The
learning rate follows the clock, not a step count, so that training takes the given minutes on any
machine: warm-up, constant, then linear to zero over the last 40 %.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import torch
from samples import Pen, Sample, samples
from tokenizer import write_tokenizer
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from disc_lite.packing import Segment, length, pack

# Shares of the tokens: reading is the hardest and comes first.
FIRST = {"reading": 0.60, "plain": 0.14, "by_heart": 0.14, "skill": 0.12}
THEN = {"reading": 0.60, "plain": 0.20, "by_heart": 0.08, "skill": 0.12}
CHANGE = 0.45  # share of the time after which the shares change
# (entities in a document at most, tokens in a row, rows): mostly short rows, every fifth step long
SHORT, LONG = (2, 256, 12), (8, 1024, 3)
HIDDEN, LAYERS = 256, 4


def model_config(hidden: int, layers: int, vocabulary: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=hidden * 8 // 3 // 64 * 64,
        num_hidden_layers=layers, num_attention_heads=hidden // 32, head_dim=32,
        num_key_value_heads=hidden // 64, max_position_embeddings=2048, rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip


def batches(stream: Iterator[Sample], row_tokens: int, rows: int) -> Iterator[list[Sample]]:
    """Samples that fill about `rows` rows; those that are too long are left out."""
    while True:
        batch, size = [], 0
        while size < rows * row_tokens * 0.96:
            sample = next(stream)
            tokens = sum(len(s.ids) for s in sample)
            if tokens <= row_tokens:
                batch.append(sample)
                size += tokens
        yield batch


def loss_of(model: LlamaForCausalLM, batch: list[Sample], row_tokens: int) -> Tensor:
    """Weighted cross-entropy; a child's first token is predicted from its parent's last."""
    trees = [tuple(Segment(tuple(s.ids), s.parent) for s in sample) for sample in batch]
    assert max(map(length, trees)) <= row_tokens
    packed = pack(trees)
    places, targets, weights = [], [], []
    for sample, starts in zip(batch, packed.starts, strict=True):
        for segment, start in zip(sample, starts, strict=True):
            before = -1
            if segment.parent >= 0:
                before = starts[segment.parent] + len(sample[segment.parent].ids) - 1
            previous = [before, *range(start, start + len(segment.ids) - 1)]
            for p, t, w in zip(previous, segment.ids, segment.weights, strict=True):
                if w > 0 and p >= 0:
                    places.append(p), targets.append(t), weights.append(w)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = model.model(
            input_ids=packed.input_ids, position_ids=packed.position_ids,
            attention_mask=packed.visible(), use_cache=False,
        ).last_hidden_state.flatten(0, 1)  # fmt: skip
        logits = model.lm_head(hidden[torch.tensor(places)]).float()
    losses = torch.nn.functional.cross_entropy(logits, torch.tensor(targets), reduction="none")
    weight = torch.tensor(weights)
    return (losses * weight).sum() / weight.sum()


def optimizers(model: LlamaForCausalLM, rate: float) -> list[torch.optim.Optimizer]:
    inside = [p for p in model.model.layers.parameters() if p.ndim == 2]
    ids = {id(p) for p in inside}
    rest = [p for p in model.parameters() if id(p) not in ids]
    return [
        torch.optim.Muon(inside, lr=rate, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]


def streams_of(pen: Pen, name: str, mix: dict[str, float]) -> list[Iterator[list[Sample]]]:
    """Batches of short and of long rows."""
    return [batches(samples(pen, Random(f"{name} {shape}"), shape[0], mix), *shape[1:]) for shape in (SHORT, LONG)]


def schedule(done: float, step: int) -> float:
    """The learning rate, relative to its peak, after this share of the time."""
    return min(1.0, (step + 1) / 100, (1 - done) / 0.4)


def train(out: Path, minutes: float, rate: float, second_half_of: Path | None) -> None:
    """Train for so many minutes; with `second_half_of` the part after CHANGE, from a checkpoint of the first part."""
    torch.manual_seed(0)
    tokenizer = write_tokenizer(out)
    pen = Pen(tokenizer)
    if second_half_of:
        model = LlamaForCausalLM.from_pretrained(second_half_of, dtype=torch.float32).train()
    else:
        model = LlamaForCausalLM(model_config(HIDDEN, LAYERS, tokenizer.get_vocab_size())).train()
    print(f"{model.num_parameters():,} parameters", flush=True)
    if shutil.which("g++"):  # inductor's compiler; a quarter of the time less
        model.model.compile(dynamic=False)
    first, then = streams_of(pen, "first", FIRST), streams_of(pen, "then", THEN)
    steppers = optimizers(model, rate)
    for group in (g for optimizer in steppers for g in optimizer.param_groups):
        group["peak"] = group["lr"]
    begin, step, mean = time.monotonic(), 0, 0.0
    if second_half_of:
        begin -= CHANGE * 60 * minutes
    while (done := (time.monotonic() - begin) / (60 * minutes)) < 1:
        which = int(step % 5 == 4)
        streams = first if done < CHANGE else then
        loss = loss_of(model, next(streams[which]), (SHORT, LONG)[which][1])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in steppers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * schedule(done, step)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        mean = 0.98 * mean + 0.02 * loss.item() if step > 1 else loss.item()
        if step % 50 == 0:
            seconds = time.monotonic() - begin
            print(f"step {step}  loss {mean:.3f}  {seconds:.0f} s  {seconds / step:.3f} s/step", flush=True)
        if step % 500 == 0:
            save(model, out)
    save(model, out)
    (out / "training.json").write_text(
        json.dumps({"steps": step, "minutes": minutes, "rate": rate, "loss": round(mean, 4),
                    "torch": torch.__version__, "threads": torch.get_num_threads()}, indent=2) + "\n"
    )  # fmt: skip


def save(model: LlamaForCausalLM, out: Path) -> None:
    copy = LlamaForCausalLM(model.config).to(torch.bfloat16)
    copy.load_state_dict(model.state_dict())
    copy.save_pretrained(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--rate", type=float, default=1.8e-3)
    parser.add_argument("--second-half-of", type=Path)
    a = parser.parse_args()
    train(a.out, a.minutes, a.rate, a.second_half_of)
