"""The recipe: every setting with its default, range, unit and meaning; the only place that defines them.

Defaults are published values where there are any: DiSC is arXiv 2602.16093, prompt
distillation arXiv 2412.14964; `recipes/default.yaml` says which were measured and on what.
"""

from __future__ import annotations

from typing import Annotated, Literal

from disc_lite.recipe.fields import AsNumber, Count, Number, Section, Switch, section, setting

KIND = "(?:detail|plain|reversed|rephrased)"  # kinds of questions, see `prompts.writing`
# `recipe.methods` says what each of them needs.
MethodName = Literal["disc", "prompt", "both", "next_token", "sft"]
LONGEST = 1 << 20  # tokens; no model has a longer context


class Documents(Section):
    """How documents are read and cut."""

    passage_tokens: Count = setting(
        256, "longest passage; cut at headings, then paragraphs", "tokens", ge=16, le=LONGEST
    )
    text_field: str = setting(
        "",
        "field of JSON records that holds their text (`body.text`: a field in a field); empty: text, content, body, …",
    )
    notebook_outputs: Switch = setting(False, "read the printed outputs of notebooks too")
    ocr_languages: str = setting(
        "eng",
        "languages of scanned pages, as tesseract calls them (`deu+eng`: both); empty: scanned pages are not read",
        pattern=r"^(?:\w[\w/]*(?:\+\w[\w/]*)*)?$",
    )


class Disc(Section):
    """Distillation via split contexts: sentences of the documents as targets."""

    targets: Literal["all", "paper"] = setting(
        "all", "every sentence after the first over the epochs, or a few as published"
    )
    targets_per_document: Count = setting(
        5, "sentences drawn per document by `targets: paper`", "sentences", ge=1, le=10_000
    )
    anchor: Literal["heading", "lead_in", "chat", "none", "mixed"] = setting(
        "heading", "what the student reads before the target; the paper has none, `mixed` uses all four"
    )
    lead_in_tokens: Count = setting(
        16, "tokens before the target that `anchor: lead_in` shows", "tokens", ge=1, le=4096
    )
    teacher_tokens: Count = setting(
        4096, "longest window of a document that the teacher reads", "tokens", ge=32, le=LONGEST
    )
    share: Number = setting(
        0.5, "share of DiSC examples in an epoch of `both`; where pairs are few, of those that DiSC alone would read",
        gt=0, lt=1,
    )  # fmt: skip


class Prompt(Section):
    """Prompt distillation: questions and answers that the base model writes."""

    questions_per_sentence: Count = setting(6, "pairs wanted of every sentence", "pairs", ge=1, le=1000)
    questions_per_1000_tokens: Number = setting(
        0, "pairs wanted of a passage by its length instead, spread over its sentences; 0: by sentence", "pairs",
        ge=0, le=100_000,
    )  # fmt: skip
    questions_per_passage: Count = setting(
        0, "pairs wanted of every passage instead, spread over its sentences; 0: by sentence", "pairs", ge=0, le=10_000
    )
    kinds: str = setting(
        "detail, plain, rephrased, reversed, rephrased",
        "kinds of question, taken in turn: any of detail, plain, reversed and rephrased, with commas; "
        "with `detail` each name, number and cell of a row gets half as many as a sentence",
        pattern=rf"^{KIND}(?:, *{KIND})*$",
    )
    worked_examples: Switch = setting(
        True, "show the model questions and answers about other things before it writes its own"
    )
    yes_no_share: Number = setting(0.1, "largest share of pairs whose answer says yes or no", ge=0, le=1)
    question_temperature: Number = setting(1.0, "sampling temperature of questions; the paper takes 1.5", gt=0, le=10)
    question_min_p: Number = setting(
        0.1, "least probability of a sampled token of a question, as a share of the likeliest's; 0: any", ge=0, lt=1
    )
    min_fluency: Number = setting(
        -0.8, "smallest mean log-probability of a question that the model has written, given its task",
        "nats per token", ge=-1000, le=0,
    )  # fmt: skip
    question_tokens: Count = setting(64, "longest question", "tokens", ge=4, le=4096)
    answer_temperature: Number = setting(
        0.5, "sampling temperature of answers, 0 is greedy; the paper takes 1.5", ge=0, le=10
    )
    answer_tokens: Count = setting(256, "longest answer", "tokens", ge=1, le=8192)
    answers_per_question: Count = setting(1, "answers sampled to each question", "answers", ge=1, le=100)
    agreement: Switch = setting(
        True, "teach an answer only where the likeliest one, at temperature 0, says the same, or one of the two more"
    )
    screening: Switch = setting(
        True, "drop questions and answers by their words: names that the passage lacks, another language, no subject"
    )
    min_support: Number = setting(
        -1.0,
        "smallest mean log-probability of an answer by the teacher, with the passage in the prompt",
        "nats per token",
        ge=-1000,
        le=0,
    )
    min_gain: Number = setting(
        0.0, "smallest gain of the log-probability of a whole answer by the passage, worked examples being the same",
        "nats", ge=-1000, le=1000,
    )  # fmt: skip
    near_duplicate: Number = setting(
        0.8, "word-set Jaccard similarity from which questions count as near-duplicates", gt=0, le=1
    )


class Loss(Section):
    """The divergence of the student's next-token distribution from the teacher's, into which labels are mixed."""

    divergence: Literal["forward_kl", "reverse_kl", "jsd"] = setting(
        "forward_kl", "KL(teacher||student), KL(student||teacher), or generalised Jensen-Shannon"
    )
    beta: Number = setting(0.5, "weight of the teacher in the mixture of `jsd`", gt=0, lt=1)
    temperature: Number = setting(2.0, "divides the logits of both; both papers take 2", gt=0, le=100)
    temperature_squared: Switch = setting(
        True, "multiply by the square of the temperature, as DiSC does and the other does not; the retention term too"
    )
    label_share: Number = setting(
        0.5, "share of an answer's own token in the target, at `temperature`; the rest is the teacher's. Answers are "
        "decoded at 1, where it weighs more: 0.5 at temperature 2 is nearly a hard label",
        ge=0, lt=1,
    )  # fmt: skip


class Retention(Section):
    """KL(base||student) on prompts and answers that the base model generates itself, against forgetting."""

    weight: Number = setting(3.0, "weight of KL(base||student) beside the divergence; 0 turns it off", ge=0, le=1000)
    prompts: Count = setting(
        4000, "most self-generated prompts; they are cached per model", "prompts", ge=1, le=1_000_000
    )
    max_reads: Count = setting(
        1, "how often each is read in the whole training: a small corpus needs fewer prompts", "times", ge=1, le=10_000
    )
    prompt_tokens: Count = setting(64, "longest self-generated prompt", "tokens", ge=1, le=4096)
    answer_tokens: Count = setting(128, "length at which the answer to such a prompt is cut", "tokens", ge=1, le=8192)
    temperature: Number = setting(1.0, "sampling temperature of prompts and answers", gt=0, le=10)
    share: Number = setting(
        1.0, "its tokens in a step, relative to the tokens of the task; at least one answer", gt=0, le=10
    )
    least_share: Number = setting(
        1.0,
        "smallest value to which `share` falls where a large corpus would read each of `prompts` more than `max_reads` "
        "times",
        gt=0, le=10,
    )  # fmt: skip
    max_kl: Number = setting(
        0.0,
        "drift on held-out self-generated prompts at which training ends with an earlier adapter; 0: no limit",
        "nats per token",
        ge=0,
        le=1000,
    )


class Lora(Section):
    """The adapter, on all linear layers of the decoder."""

    rank: Count = setting(64, "rank; 64 costs 2 points against 1024, 16 costs 4 (arXiv 2412.14964)", ge=1, le=8192)
    alpha: Count = setting(128, "the adapter is scaled by alpha / rank", ge=1, le=65_536)


class Train(Section):
    """The training loop."""

    epochs: Count = setting(10, "passes over all examples; with `enough` the most there are", "epochs", ge=1, le=10_000)
    enough: Number = setting(
        0.95,
        "share of a sample of the trained questions, answered closed book, at which `trapezoid` ends; without labels "
        "it is a share of what the teacher recalls of them; 0: all epochs",
        ge=0, le=1,
    )  # fmt: skip
    learning_rate: Number = setting(
        1e-4, "peak learning rate of AdamW; this default is raised for a model narrower than 1,536", gt=0, le=1
    )
    warmup_fraction: Number = setting(0.03, "share of the steps in which the rate rises from zero", ge=0, le=1)
    schedule: Literal["trapezoid", "cosine", "constant"] = setting(
        "trapezoid", "the rate after the warm-up; `trapezoid` is constant, then falls to zero over the last fifth"
    )
    weight_decay: Number = setting(0.0, "decoupled weight decay of AdamW", ge=0, le=10)
    beta1: Number = setting(0.9, "decay of AdamW's mean of gradients", ge=0, lt=1)
    beta2: Number = setting(0.999, "decay of AdamW's mean of squared gradients", ge=0, lt=1)
    clip_norm: Number = setting(1.0, "largest norm of the gradient; longer ones are clipped", gt=0, le=1e6)
    tokens_per_batch: Count = setting(
        4096, "student tokens that a step learns from, those of the retention term included", "tokens",
        ge=16, le=LONGEST,
    )  # fmt: skip
    least_steps: Count = setting(
        100,
        "steps that the epochs should have: few documents get smaller steps for it, of 256 tokens or more; 0: all have "
        "`tokens_per_batch`",
        "steps", ge=0, le=100_000,
    )  # fmt: skip


class Evaluation(Section):
    """The measurement before and after training."""

    questions: Count = setting(
        100, "held-out questions that the model writes where the user gives none", "questions", ge=1, le=100_000
    )
    answer_tokens: Count = setting(64, "longest answer", "tokens", ge=1, le=8192)
    grading: Literal["contains", "exact"] = setting(
        "contains", "a right answer is one of the given ones, or has one of them in it"
    )
    rag_passages: Count = setting(
        3, "passages that BM25 finds for a question, for the comparison with retrieval", "passages", ge=1, le=1000
    )
    long_answer_tokens: Count = setting(
        192, "longest answer to an instruction or a neutral prompt", "tokens", ge=1, le=8192
    )
    drift_prompts: Count = setting(
        100, "held-out self-generated prompts, to measure the drift", "prompts", ge=1, le=100_000
    )


class Update(Section):
    """What `adapt --update` teaches beside the passages that are new or changed; no part of other runs."""

    start: Literal["adapter", "new"] = setting(
        "adapter", "train the earlier run's adapter on, or a new one on all passages (only their pairs are reused)"
    )
    rehearse: Number = setting(
        2.0, "examples of unchanged passages in an epoch, in turn, for each of a new or changed one", ge=0, le=1000
    )
    removed: Literal["rehearse", "drop", "unlearn"] = setting(
        "rehearse", "pairs of passages that are gone: rehearsed as before, not taught any more, or unlearned: "
        "the base's own answer is taught in place of theirs",
    )  # fmt: skip


class Memory(Section):
    """Precision of the base."""

    quantize: Literal["nf4", "none"] = setting("nf4", "precision of the frozen base weights")


class Execution(Section):
    """How a run is computed: no part of what is learned, so a run may be continued with other values."""

    micro_batch_tokens: Count = setting(
        0, "student tokens in one forward and backward pass, of which a step makes as many as it needs; "
        "0: as many as the memory allows", "tokens", ge=0, le=LONGEST,
    )  # fmt: skip
    reading_tokens: Count = setting(
        0, "tokens that the teacher reads in one forward pass; 0: 8,192, or fewer where the memory does not allow them",
        "tokens", ge=0, le=LONGEST,
    )  # fmt: skip
    recomputed_layers: Count = setting(
        0, "layers, the first ones, that are computed again in the backward pass instead of stored (gradient "
        "checkpointing); 0: as few as the memory allows", "layers", ge=0, le=10_000,
    )  # fmt: skip
    layer_checkpoints: Literal["auto", "device", "host"] = setting(
        "auto", "where the inputs of layers that are recomputed wait for the backward pass; `auto` is the device, or "
        "the memory of the host where the device's does not allow it",
    )  # fmt: skip
    embedding: Literal["auto", "device", "host"] = setting(
        "auto", "where the input embedding is while the adapter is trained; a head that is tied to it keeps it on the "
        "device; `auto` is the device, or the memory of the host where the device's does not allow it",
    )  # fmt: skip
    optimizer_bits: Annotated[Literal[0, 8, 32], AsNumber] = setting(
        0, "precision of AdamW's state; 0: 32, or 8 where the memory does not allow 32", "bits"
    )
    checkpoint_minutes: Number = setting(10.0, "time between two checkpoints", "minutes", ge=0, le=10_080)
    teacher_cache_gib: Number = setting(
        64.0, "largest cache of the teacher's hidden states of the documents on the disk; the teacher reads the rest "
        "again in every epoch. Those of the retention examples are not counted: all of them stay",
        "GiB", ge=0, le=100_000,
    )  # fmt: skip


class Recipe(Section):
    """All settings of one adaptation."""

    name: str = setting("default", "name of the recipe")
    about: str = setting("", "its purpose, in a sentence")
    method: MethodName = setting("prompt", "disc, prompt, or both in one stream; next_token and sft are baselines")
    documents: Documents = section(Documents)
    disc: Disc = section(Disc)
    prompt: Prompt = section(Prompt)
    loss: Loss = section(Loss)
    retention: Retention = section(Retention)
    lora: Lora = section(Lora)
    train: Train = section(Train)
    evaluation: Evaluation = section(Evaluation)
    update: Update = section(Update)
    memory: Memory = section(Memory)
    execution: Execution = section(Execution)
    seed: Count = setting(0, "seed of all random choices", ge=0, le=2**32 - 1)
