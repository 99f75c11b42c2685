"""Prompts for questions and answers about one passage; parses and screens what the base drafts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from random import Random
from statistics import fmean

from disc_lite.distillation.prompting import AnswerPrompts
from disc_lite.documents import Passage
from disc_lite.models import Base
from disc_lite.models.generation import Continuation, generate
from disc_lite.models.tokens import Tokens
from disc_lite.planning.amounts import is_askable
from disc_lite.prompts import answering, writing
from disc_lite.prompts.texts import Text
from disc_lite.qa import Pair, language_of
from disc_lite.recipe import Recipe
from disc_lite.synthesis.beginnings import beginning_of, names_more
from disc_lite.synthesis.facts import gives, gives_part_of_date
from disc_lite.synthesis.mentioned_names import contains
from disc_lite.synthesis.requests import Request, Requests
from disc_lite.synthesis.screening import answer_fault, clean_question, question_fault

NOT_FLUENT = "question is unlikely (prompt.min_fluency)"
OTHER_LANGUAGE = "another language than the text"
NOT_ASKED = "answer does not give a detail of its sentence"
NOT_MENTIONED = "question lacks the name that it was to contain"
NO_SUBJECT = "question names no more than before what the page is about"

OnDrafts = Callable[[str, int, int], None]  # (step of a round, number so far, total number)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a passage, and the heading above it unless the sentence contains it."""

    text: str
    heading: str

    @property
    def under_heading(self) -> str:
        """The sentence with its heading: "Price: 26 crowns" alone names no article, and can occur more than once."""
        return f"{self.heading}: {self.text}" if self.heading else self.text


@dataclass(frozen=True)
class DraftedQuestion:
    """A drafted question, and why it is rejected ("" if it is not)."""

    request: Request
    text: str
    fault: str


@dataclass(frozen=True)
class DraftedPair:
    """A question with a drafted answer, not yet scored by the teacher."""

    pair: Pair
    request: Request
    # log p of the answer's tokens in the teacher's prompt, nats, from sampling; empty if the pair's answer has other
    # tokens, since white space around it is dropped.
    log_ps: tuple[float, ...] = ()


def seed_of(*parts: object) -> int:
    """Return a seed derived from `parts` (seed, purpose, place), the same in every process."""
    return int.from_bytes(sha256(repr(parts).encode()).digest()[:7], "big")


def askable_sentences(text: Text, passage: Passage) -> list[Sentence]:
    """Return the sentences to ask about: at least two words, not a heading, each with the heading above it.

    The heading of a table row includes the names of its columns.
    """
    sentences, columns = [], " | ".join(passage.heading_path[len(text.heading_path(passage.start)) :])
    for start, end in passage.sentences:
        sentence = text.sentence_text(start, end).strip()
        if start in passage.headings:
            columns = sentence.strip("| ") if "|" in sentence else ""
        elif is_askable(sentence):
            columns = columns if "|" in sentence else ""
            above = [title for title in text.heading_path(start)[-1:] if title not in sentence]
            sentences.append(Sentence(sentence, ": ".join([*above, *([columns] if columns else [])])))
    return sentences


def shares(wanted: int, weights: Sequence[int], seed: int) -> list[int]:
    """Return the number of pairs wanted from each sentence: proportional to its weight, the remainder at random."""
    each = [wanted * weight // sum(weights) for weight in weights]
    more = set(Random(f"{seed} shares").sample(range(len(weights)), wanted - sum(each)))
    return [number + (i in more) for i, number in enumerate(each)]


@dataclass(frozen=True)
class Drafter:
    """One passage, and the prompts with which the base writes about it."""

    tokens: Tokens
    text: Text
    passage: Passage
    sentences: Sequence[Sentence]  # only askable ones
    recipe: Recipe
    seed: int

    @cached_property
    def shown(self) -> str:
        """The passage as it is shown at the beginning of every prompt."""
        return answering.join_passages([self.text.passage_text(self.passage)])

    @cached_property
    def page(self) -> str:
        """How the document begins, which says what the page is about."""
        return beginning_of(self.text.document)

    @cached_property
    def _source(self) -> str:
        """The text that questions can take their words from."""
        return f"{self.page}\n\n{self.shown}"

    @cached_property
    def language(self) -> str:
        return self.text.language(self.passage)

    @cached_property
    def requests(self) -> Requests:
        return Requests([sentence.text for sentence in self.sentences], self.language, self.recipe)

    # -- questions -------------------------------------------------------------------------------------

    def question_prompt(self, request: Request) -> list[int]:
        """Return the prompt with the passage and the task to write a question about one of its sentences."""
        kind, about = request.kind, self.sentences[request.sentence].under_heading
        if not self.recipe.prompt.worked_examples:
            return self.tokens.prompt(self.shown + answering.question_task(about))
        given = request.original or request.mention or request.detail
        task = writing.question_task(kind, about, given, self.language, self.page)
        shown = self.shown if _shows_passage(request) else ""
        return self.tokens.conversation(writing.question_turns(kind, self.language), shown + task)

    def prompt_group(self, request: Request) -> tuple[object, ...]:
        """Return a key that is the same for requests whose prompts begin alike, with the passage if they show it."""
        return (self.seed if _shows_passage(request) else self.language, request.kind)

    def screened(self, request: Request, draft: Continuation, by_words: bool = True) -> DraftedQuestion:
        """Return the question in a draft, and why it is rejected, if it is."""
        question = clean_question(self.tokens.decode(draft.ids))
        if not draft.ended:
            fault = "question did not end within prompt.question_tokens"
        elif by_words:
            fault = question_fault(question, self._source, self.language) or self._language_fault(question)
        else:
            fault = "" if question else "not a question"
        if not fault and request.mention and not contains(question, request.mention, self.language):
            fault = NOT_MENTIONED
        if not fault and request.kind == "subject" and not names_more(question, request.original, self.page):
            fault = NO_SUBJECT
        if not fault and fmean(draft.log_ps) < self.recipe.prompt.min_fluency:
            fault = NOT_FLUENT
        return DraftedQuestion(request, question, fault)

    def _language_fault(self, text: str) -> str:
        """Return OTHER_LANGUAGE or "". A short draft of no clear language, or a Japanese one without kana, passes."""
        possible = {self.language, "", "Chinese" if self.language == "Japanese" else ""}
        return OTHER_LANGUAGE if self.language and language_of(text) not in possible else ""

    # -- answers ---------------------------------------------------------------------------------------

    def answer_prompt(self, question: str, sentence: int) -> list[int]:
        """Return the teacher's prompt for this answer, the same as in training."""
        prompts = AnswerPrompts(self.tokens, self.recipe.prompt.worked_examples)
        return prompts.prompt(self.shown, self.language, question, self.sentences[sentence].text)

    def short_answer_prompt(self, question: str, sentence: int) -> list[int]:
        """Return the prompt for an answer as short as a reference; without worked examples the usual prompt."""
        if not self.recipe.prompt.worked_examples:
            return self.answer_prompt(question, sentence)
        task = writing.answer_task(question, self.sentences[sentence].text, self.language, short=True)
        return self.tokens.conversation(writing.answer_turns(self.language, short=True), self.shown + task)

    def answered(self, question: DraftedQuestion, draft: Continuation) -> DraftedPair | str:
        """Return the pair of the question and the drafted answer, or why that answer is rejected."""
        answer, request = self.tokens.decode(draft.ids).strip(), question.request
        if not draft.ended:
            fault = "answer did not end within prompt.answer_tokens"
        elif self.recipe.prompt.screening:
            fault = answer_fault(question.text, answer, self.shown, self.language) or self._language_fault(answer)
            given_detail = self._detail_given(question, answer)
            fault = fault or (NOT_ASKED if given_detail is None else "")
            request = replace(request, detail=given_detail or "")
        else:
            fault = "" if answer else "empty answer"
        source = self.sentences[request.sentence].text
        digest = self.text.passage_sha256(self.passage)
        pair = Pair(self.text.document.name, self.passage.index, question.text, answer, source, digest)
        _, answer_ids = self.tokens.turn(question.text, answer)
        log_ps = draft.log_ps if tuple(answer_ids) == draft.whole_ids else ()
        return fault or DraftedPair(pair, request, log_ps)

    def _detail_given(self, question: DraftedQuestion, answer: str) -> str | None:
        """Return the detail that an answer gives: the requested one, else another one of the sentence, else None.

        An answer that gives only the year of a date counts as one about any fact: "".
        """
        wanted = question.request.detail
        details = (wanted, *self.requests.details[question.request.sentence]) if wanted else ("",)
        given = next((detail for detail in details if gives(detail, question.text, answer)), None)
        return "" if given is None and gives_part_of_date(wanted, question.text, answer) else given


def _shows_passage(request: Request) -> bool:
    """Whether the prompt shows the passage: with it, a small model asks for a name instead of something else.

    A question that is only to name its subject needs no more than how the page begins.
    """
    return not request.mention and request.kind not in writing.WITHOUT_PASSAGE


def write_drafts(
    base: Base, prompt_ids: Sequence[list[int]], groups: Sequence[object], max_tokens: int,
    temperature: float | Sequence[float], seed: int, on_finished: Callable[[int], None] = lambda drafts: None,
    min_p: float = 0.0,
) -> list[Continuation]:  # fmt: skip
    """Return continuations of these prompts by the base; the prompts of one group share a prefix."""
    if not prompt_ids:
        return []
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    with base.frozen(adapter=False) as model:
        return generate(
            model, prompt_ids, groups=[numbers[group] for group in groups], stop_ids=base.tokens.stop_ids,
            max_new_tokens=max_tokens, temperature=temperature, min_p=min_p, seed=seed,
            known=base.known(adapter=False), on_finished=on_finished,
        )  # fmt: skip
