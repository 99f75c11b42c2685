"""What is trained on: the kinds of lessons that documents give, in one epoch of a run or of an update.

Does not import torch. What the model will write is not known beforehand: the lengths of questions, answers and
self-generated prompts are assumptions, named here.
"""

from __future__ import annotations

from dataclasses import dataclass

from disc_lite.planning.amounts import examples_in_epoch, rehearsed_examples
from disc_lite.planning.corpus import Corpus
from disc_lite.planning.sizes import PAIRS_OF_A_TREE
from disc_lite.recipe import Recipe
from disc_lite.recipe.methods import DISC, PAIRS

QUESTION_TOKENS, ANSWER_TOKENS = 20, 40  # assumed for a pair; an answer has at most `prompt.answer_tokens`
HEADINGS_TOKENS = 32  # assumed for the headings above a passage
BEGIN_TOKENS = 1  # at the start of a text that is not a prompt; some tokenizers have none
# Including the BOS token; `lead_in` has its own setting, `mixed` uses all four in turn.
ANCHOR_TOKENS = {"heading": 10, "chat": 25, "none": BEGIN_TOKENS}


@dataclass(frozen=True)
class PromptOverhead:
    """Tokens of a prompt outside of document, question and answer, and whether prompts share a common prefix.

    The default numbers are assumptions, for a model that is not on this machine.
    """

    system: int = 6  # of the chat template before the user's words; some templates write a system turn of hundreds
    turn: int = 12  # of the chat template around the user's words and an answer, `system` included
    task: int = 16  # of a task about a passage, without the sentence and the question
    answering: int = 200  # of the worked examples for answering, with their turns
    asking: int = 230  # of the worked examples for writing questions
    apart: bool = False  # the model reads one text per row, so prompts share nothing

    @property
    def own(self) -> int:
        """Tokens of turn and task that prompts about the same passage do not share."""
        return self.turn - self.system + self.task


ASSUMED = PromptOverhead()


@dataclass(frozen=True)
class Kind:
    """One kind of lessons: the number of its examples, and the tokens of one."""

    examples: int  # from all documents
    tokens: float  # that the student reads
    longest: int  # longest example, in tokens of the student
    compared: float
    sequences: float  # of the teacher; each holds the examples that share a text
    shared_tokens: float  # that the examples of a sequence share, summed over all sequences
    own_tokens: float  # that the teacher reads for one example alone
    longest_lesson: float  # tokens of the teacher's longest sequence
    longest_path: float  # tokens of it that must be read in one pass, however little memory there is

    def read(self, examples: float) -> float:
        """Tokens that the teacher reads in one pass over any `examples` of the examples."""
        return self.shared_tokens * min(1.0, examples / max(1.0, self.sequences)) + self.own_tokens * examples


@dataclass(frozen=True)
class LessonTotals:
    """What is trained on; the first five fields are for one epoch, the others for all examples."""

    taught: dict[str, int]  # new examples of each kind
    examples: int  # new and rehearsed examples
    tokens: float  # that the student reads
    compared: float
    turns: float  # examples that are prompts
    positions: float  # compared positions, each counted once
    teacher_tokens: float  # in one pass
    measured_tokens: float  # of DiSC examples, which the student reads once for the teachability
    measured_targets: float  # of these, tokens that are compared
    longest_example: int  # tokens
    longest_lesson: int  # tokens of one sequence of the teacher
    longest_path: int  # tokens of a path in it


def lesson_totals(corpus: Corpus, recipe: Recipe, overhead: PromptOverhead, names: tuple[str, ...]) -> LessonTotals:
    """Return what a run with these kinds of lessons trains on, including what an update rehearses."""
    every = lesson_kinds(corpus, recipe, overhead)
    kinds, measured = {name: every[name] for name in names}, every[DISC]
    known = lesson_kinds(corpus.rehearsed, recipe, overhead) if corpus.rehearsed else {}
    taught = examples_in_epoch({name: kind.examples for name, kind in kinds.items()}, recipe.disc.share)
    number = round(recipe.update.rehearse * sum(taught.values()))
    sizes = {name: known[name].examples for name in names} if known else {}
    held = rehearsed_examples(sizes, recipe.train.epochs * number, recipe.disc.share)
    number = min(number, sum(held.values()))  # in an epoch
    in_epoch = [(name, kinds[name], float(taught[name])) for name in names]
    in_epoch += [(name, known[name], number * size / sum(held.values())) for name, size in held.items() if size]
    in_all = [(kind, kind.examples) for kind in kinds.values()]
    in_all += [(known[name], size) for name, size in held.items() if size]
    return LessonTotals(
        taught=taught,
        examples=sum(taught.values()) + number,
        tokens=sum(kind.tokens * size for _, kind, size in in_epoch),
        compared=sum(kind.compared * size for _, kind, size in in_epoch),
        turns=sum(size for name, _, size in in_epoch if name == PAIRS),
        positions=sum(kind.compared * size for kind, size in in_all),
        teacher_tokens=sum(kind.read(size) for kind, size in in_all),
        measured_tokens=measured.tokens * measured.examples if DISC in names else 0,
        measured_targets=measured.compared * measured.examples if DISC in names else 0,
        longest_example=max(kind.longest for kind, _ in in_all),
        longest_lesson=round(max(kind.longest_lesson for kind, _ in in_all)),
        longest_path=round(max(kind.longest_path for kind, _ in in_all)),
    )


def lesson_kinds(corpus: Corpus, recipe: Recipe, overhead: PromptOverhead) -> dict[str, Kind]:
    """Return all kinds of lessons, by name, that the documents give."""
    sentence, passage = corpus.tokens / max(1, corpus.sentences), corpus.tokens / max(1, corpus.passages)
    in_turn = len(ANCHOR_TOKENS) + 1 if recipe.disc.anchor == "mixed" else 1
    window = min(recipe.disc.teacher_tokens, corpus.longest_document)
    target, anchor = corpus.target_tokens / max(1, corpus.targets), _anchor(recipe)
    read, whole = corpus.tokens + corpus.read_again, corpus.longest_passage + BEGIN_TOKENS
    longest = corpus.longest_sentence + max(HEADINGS_TOKENS, round(anchor))
    return {
        DISC: Kind(
            examples=corpus.targets * in_turn, tokens=anchor + target, longest=longest, compared=target,
            sequences=max(corpus.documents, read / max(1, window)), shared_tokens=read, own_tokens=0,
            longest_lesson=window, longest_path=window,
        ),
        PAIRS: _prompts(corpus, recipe, overhead, passage, sentence),
        "next_token": Kind(
            examples=corpus.passages, tokens=BEGIN_TOKENS + passage, longest=whole, compared=passage,
            sequences=corpus.passages, shared_tokens=0, own_tokens=0, longest_lesson=whole, longest_path=whole,
        ),
    }  # fmt: skip


def _prompts(corpus: Corpus, recipe: Recipe, overhead: PromptOverhead, passage: float, sentence: float) -> Kind:
    """Lessons from pairs and from unlearned questions; the base answers the latter without a passage."""
    (question, answer), worked = pair_tokens(corpus, recipe), recipe.prompt.worked_examples
    root = passage + overhead.system + overhead.answering * worked
    path, child = _longest_path(corpus, recipe, overhead)
    # The teacher also reads the sentence that is asked about.
    own = overhead.own + question + answer + sentence * worked
    shared = corpus.passages * root
    if overhead.apart:
        shared, own = 0, own + root
    gone = corpus.unlearned
    every = corpus.pairs + gone.number
    plain = overhead.turn + gone.question + answer_tokens(recipe)  # read by teacher and student
    longest_pair = (overhead.turn + _longest_pair(corpus, recipe)) * bool(corpus.pairs or not gone.number)
    longest_gone = (overhead.turn + gone.longest + recipe.prompt.answer_tokens) * bool(gone.number)

    def mean(of_pair: float, of_gone: float) -> float:
        return (corpus.pairs * of_pair + gone.number * of_gone) / max(1, every)

    return Kind(
        examples=every,
        tokens=mean(overhead.turn + question + answer, plain),
        longest=max(longest_pair, longest_gone),
        compared=mean(answer, answer_tokens(recipe)),
        sequences=max(1, corpus.passages),
        shared_tokens=shared,
        own_tokens=mean(own, plain),
        longest_lesson=max(path + (min(PAIRS_OF_A_TREE, max(1, corpus.pairs)) - 1) * child, longest_gone),
        longest_path=max(path, longest_gone),
    )


def _anchor(recipe: Recipe) -> float:
    """Mean number of tokens of a student anchor, which precedes the target."""
    every = {**ANCHOR_TOKENS, "lead_in": BEGIN_TOKENS + recipe.disc.lead_in_tokens}
    return sum(every.values()) / len(every) if recipe.disc.anchor == "mixed" else every[recipe.disc.anchor]


def _longest_path(corpus: Corpus, recipe: Recipe, overhead: PromptOverhead) -> tuple[int, int]:
    """Tokens of the teacher's longest prompt with its answer, and those of them that belong to one pair."""
    worked = recipe.prompt.worked_examples
    child = overhead.own + _longest_pair(corpus, recipe) + corpus.longest_sentence * worked
    return corpus.longest_passage + HEADINGS_TOKENS + overhead.system + overhead.answering * worked + child, child


def pair_tokens(corpus: Corpus, recipe: Recipe) -> tuple[float, float]:
    """Mean number of tokens of a question and of its answer."""
    own = corpus.own_pairs
    return (own.question, own.answer) if own else (QUESTION_TOKENS, answer_tokens(recipe))


def _longest_pair(corpus: Corpus, recipe: Recipe) -> int:
    own = corpus.own_pairs
    return own.longest if own else recipe.prompt.question_tokens + recipe.prompt.answer_tokens


def answer_tokens(recipe: Recipe) -> int:
    """Assumed number of tokens of an answer that the model writes."""
    return min(ANSWER_TOKENS, recipe.prompt.answer_tokens)
