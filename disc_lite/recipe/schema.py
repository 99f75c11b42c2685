"""Defines every setting of a recipe: default, range, unit and description. No other place defines them.

`execution` has the settings of how a run is computed; the others decide what it learns, and are its identity.
Defaults are published values where there are any: DiSC is arXiv 2602.16093, prompt
distillation arXiv 2412.14964; `recipes/default.yaml` says which were measured, and on what.
"""

from __future__ import annotations

from typing import Literal

from disc_lite.recipe.execution import Execution
from disc_lite.recipe.fields import LONGEST, Count, Number, Section, Switch, section, setting

KIND = "(?:detail|mention|plain|reversed|rephrased|subject)"  # kinds of questions, see `prompts.writing`
# `recipe.methods` says what each method needs.
MethodName = Literal["disc", "prompt", "both", "next_token", "sft"]


class Documents(Section):
    """How documents are read and cut into passages."""

    passage_tokens: Count = setting(
        256, "longest passage; documents are cut at headings, then between paragraphs", "tokens", ge=16, le=LONGEST
    )
    text_field: str = setting(
        "", "field of a JSON record that holds its text (`body.text` is a field within a field); empty: the first of "
        "text, content, body, … with a text",
    )  # fmt: skip
    notebook_outputs: Switch = setting(False, "whether the printed outputs of notebooks are read too")
    ocr_languages: str = setting(
        "eng", "languages of scanned pages, by tesseract's names (`deu+eng` for two); empty: scanned pages are not "
        "read", pattern=r"^(?:\w[\w/]*(?:\+\w[\w/]*)*)?$",
    )  # fmt: skip


class Disc(Section):
    """Distillation via split contexts: sentences of the documents as targets."""

    targets: Literal["all", "paper"] = setting(
        "all", "sentences to teach: all of a document after its first, or a few of them, as in the paper"
    )
    targets_per_document: Count = setting(
        5, "number of sentences per document with `targets: paper`: the last, and others at random",
        "sentences", ge=1, le=10_000,
    )  # fmt: skip
    anchor: Literal["heading", "lead_in", "chat", "none", "mixed"] = setting(
        "heading", "what the student reads before a target; `none` is the paper's, `mixed` uses each of the other four"
    )
    lead_in_tokens: Count = setting(
        16, "number of tokens before the target that `anchor: lead_in` shows", "tokens", ge=1, le=4096
    )
    teacher_tokens: Count = setting(
        4096, "longest part of a document that the teacher reads at once", "tokens", ge=32, le=LONGEST
    )
    share: Number = setting(
        0.5, "share of DiSC examples in an epoch of `both`, but at least this share of all DiSC examples", gt=0, lt=1
    )


class Prompt(Section):
    """Prompt distillation: questions and answers that the base model writes."""

    questions_per_sentence: Count = setting(6, "number of pairs wanted for each sentence", "pairs", ge=1, le=1000)
    questions_per_1000_tokens: Number = setting(
        0, "number of pairs wanted for every 1,000 tokens of a passage, spread over its sentences; 0: by "
        "`questions_per_sentence`", "pairs", ge=0, le=100_000,
    )  # fmt: skip
    questions_per_passage: Count = setting(
        0, "number of pairs wanted for every passage, whatever its length, spread over its sentences; 0: by "
        "`questions_per_1000_tokens` or `questions_per_sentence`", "pairs", ge=0, le=10_000,
    )  # fmt: skip
    kinds: str = setting(
        "detail, mention, plain, rephrased, reversed, subject, rephrased",
        "kinds of question, taken in turn: any of detail, mention, plain, reversed, rephrased and subject, with "
        "commas; with `detail` each name, number and cell of a row gets half as many as a sentence, with `mention` "
        "each name should be in as many, unless the number of pairs is fixed per passage or token, and with `subject` "
        "questions are written again with the name of what the page is about",
        pattern=rf"^{KIND}(?:, *{KIND})*$",
    )
    worked_examples: Switch = setting(
        True, "whether the model sees questions and answers about other subjects before it writes its own"
    )
    yes_no_share: Number = setting(0.1, "largest share of pairs whose answer is yes or no", ge=0, le=1)
    question_temperature: Number = setting(1.0, "sampling temperature of questions; the paper uses 1.5", gt=0, le=10)
    question_min_p: Number = setting(
        0.1, "smallest probability of a sampled token of a question, relative to the likeliest token; 0: any",
        ge=0, lt=1,
    )  # fmt: skip
    min_fluency: Number = setting(
        -0.8, "smallest mean log-probability of a question's tokens, given the prompt with which the model wrote it",
        "nats per token", ge=-1000, le=0,
    )  # fmt: skip
    question_tokens: Count = setting(64, "longest question", "tokens", ge=4, le=4096)
    answer_temperature: Number = setting(
        0.5, "sampling temperature of answers; 0 is greedy, the paper uses 1.5", ge=0, le=10
    )
    answer_tokens: Count = setting(256, "longest answer", "tokens", ge=1, le=8192)
    answers_per_question: Count = setting(1, "number of answers sampled for each question", "answers", ge=1, le=100)
    agreement: Switch = setting(
        True, "whether an answer is dropped if the likeliest answer (at temperature 0) has other facts; one of the two "
        "can say more",
    )  # fmt: skip
    screening: Switch = setting(
        True, "whether drafts are dropped for their words: names that are not in the passage, another language, or "
        "a question that names no subject",
    )  # fmt: skip
    min_support: Number = setting(
        -1.0, "smallest mean log-probability of an answer's tokens for the teacher, which has the passage in its "
        "prompt", "nats per token", ge=-1000, le=0,
    )  # fmt: skip
    min_gain: Number = setting(
        0.0, "smallest increase of the log-probability of a whole answer due to the passage; the worked examples are "
        "in the prompt either way", "nats", ge=-1000, le=1000,
    )  # fmt: skip
    near_duplicate: Number = setting(
        0.8, "Jaccard similarity of word sets from which two questions are near-duplicates", gt=0, le=1
    )


class Loss(Section):
    """How the student's next-token distribution is compared with the teacher's, into which labels are mixed."""

    divergence: Literal["forward_kl", "reverse_kl", "jsd"] = setting(
        "forward_kl", "KL(teacher||student), KL(student||teacher), or the generalised Jensen-Shannon divergence"
    )
    beta: Number = setting(0.5, "weight of the teacher in the mixture of `jsd`", gt=0, lt=1)
    temperature: Number = setting(2.0, "divisor of the logits of teacher and student; both papers use 2", gt=0, le=100)
    temperature_squared: Switch = setting(
        True, "whether the loss, retention term included, is multiplied by the square of the temperature; the DiSC "
        "paper does this, the other does not",
    )  # fmt: skip
    label_share: Number = setting(
        0.5, "share of an answer's own token in the target distribution at `temperature`; the rest is the teacher's. "
        "Answers are decoded at temperature 1, where this share is larger: 0.5 at 2 is nearly a hard label", ge=0, lt=1,
    )  # fmt: skip


class Retention(Section):
    """KL(base||student) on prompts and answers that the base model generates itself, against forgetting."""

    weight: Number = setting(
        3.0, "weight of KL(base||student) relative to the rest of the loss; 0: no retention term", ge=0, le=1000
    )
    prompts: Count = setting(
        4000, "largest number of self-generated prompts; they are cached per model", "prompts", ge=1, le=1_000_000
    )
    max_reads: Count = setting(
        1, "number of times that a prompt is read in the whole training; a small corpus needs fewer than `prompts` "
        "prompts, a large one can read them more often", "times", ge=1, le=10_000,
    )  # fmt: skip
    prompt_tokens: Count = setting(64, "longest self-generated prompt", "tokens", ge=1, le=4096)
    answer_tokens: Count = setting(128, "length at which the answer to such a prompt is cut", "tokens", ge=1, le=8192)
    temperature: Number = setting(1.0, "sampling temperature of prompts and answers", gt=0, le=10)
    share: Number = setting(
        1.0, "retention tokens in a step for each token of the task; every step has at least one answer", gt=0, le=10
    )
    least_share: Number = setting(
        1.0, "smallest value to which `share` is lowered for a large corpus, which would otherwise read prompts more "
        "than `max_reads` times", gt=0, le=10,
    )  # fmt: skip
    max_kl: Number = setting(
        0.0, "largest drift on held-out self-generated prompts; training ends with the last adapter that does not "
        "exceed it; 0: no limit", "nats per token", ge=0, le=1000,
    )  # fmt: skip


class Lora(Section):
    """The adapter, on all linear layers of the decoder."""

    rank: Count = setting(
        64, "rank; in arXiv 2412.14964, 64 scored 2 points less than 1024, and 16 scored 4 less", ge=1, le=8192
    )
    alpha: Count = setting(128, "numerator of the adapter's scale, alpha / rank", ge=1, le=65_536)


class Train(Section):
    """The training loop."""

    epochs: Count = setting(10, "largest number of passes over the examples; see `enough`", "epochs", ge=1, le=10_000)
    enough: Number = setting(
        0.95, "share of a sample of trained questions, answered closed book, at which training ends early with "
        "`schedule: trapezoid`; without labels, relative to the share that the teacher answers; 0: all epochs are made",
        ge=0, le=1,
    )  # fmt: skip
    learning_rate: Number = setting(
        1e-4, "peak learning rate of AdamW; the default is raised for a model with a hidden size below 1,536",
        gt=0, le=1,
    )  # fmt: skip
    warmup_fraction: Number = setting(0.03, "share of the steps in which the learning rate rises from zero", ge=0, le=1)
    schedule: Literal["trapezoid", "cosine", "constant"] = setting(
        "trapezoid", "learning rate after the warm-up; `trapezoid` is constant, then falls to zero in the last fifth"
    )
    weight_decay: Number = setting(0.0, "decoupled weight decay of AdamW", ge=0, le=10)
    beta1: Number = setting(0.9, "decay rate of AdamW's mean of gradients", ge=0, lt=1)
    beta2: Number = setting(0.999, "decay rate of AdamW's mean of squared gradients", ge=0, lt=1)
    clip_norm: Number = setting(1.0, "largest norm of the gradient; a longer one is scaled down to it", gt=0, le=1e6)
    tokens_per_batch: Count = setting(
        4096, "largest number of tokens that the student reads in a step, the retention term's included",
        "tokens", ge=16, le=LONGEST,
    )  # fmt: skip
    least_steps: Count = setting(
        100, "number of steps that all epochs should have together; with few documents, steps get smaller for it, down "
        "to 256 tokens; 0: every step has `tokens_per_batch`", "steps", ge=0, le=100_000,
    )  # fmt: skip


class Evaluation(Section):
    """The measurement before and after training."""

    questions: Count = setting(
        100, "number of held-out questions that the model writes if you give none", "questions", ge=1, le=100_000
    )
    answer_tokens: Count = setting(64, "longest answer", "tokens", ge=1, le=8192)
    grading: Literal["contains", "exact"] = setting(
        "contains", "when an answer is right: if it contains one of the accepted answers, or only if it is one"
    )
    rag_passages: Count = setting(
        3, "number of passages that BM25 finds for each question, for the comparison with RAG",
        "passages", ge=1, le=1000,
    )  # fmt: skip
    long_answer_tokens: Count = setting(
        192, "longest answer to an instruction or a neutral prompt", "tokens", ge=1, le=8192
    )
    drift_prompts: Count = setting(
        100, "number of held-out self-generated prompts on which the drift is measured", "prompts", ge=1, le=100_000
    )


class Update(Section):
    """What `adapt --update` teaches in addition to new and changed passages. Other runs ignore these settings."""

    start: Literal["adapter", "new"] = setting(
        "adapter", "what is trained: the earlier run's adapter, or a new one on all passages (only their pairs are "
        "reused)",
    )  # fmt: skip
    rehearse: Number = setting(
        2.0, "number of examples of unchanged passages in an epoch for each example of a new or changed one, taken in "
        "turn", ge=0, le=1000,
    )  # fmt: skip
    removed: Literal["rehearse", "drop", "unlearn"] = setting(
        "rehearse", "what happens to the pairs of removed passages: they are rehearsed like the rest, left out, or "
        "unlearned (the base's own answer to each question is taught instead)",
    )  # fmt: skip


class Memory(Section):
    """The precision of the base model."""

    quantize: Literal["nf4", "none"] = setting("nf4", "precision of the frozen base weights")


class Recipe(Section):
    """All settings of one adaptation."""

    name: str = setting("default", "name of the recipe")
    about: str = setting("", "purpose of the recipe, in a sentence")
    method: MethodName = setting(
        "prompt", "how the model is taught: disc, prompt, or both together; next_token and sft are baselines"
    )
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
