"""The base model writes questions about a passage and answers them with the passage in its prompt.

Each prompt asks for one line of text about one sentence of the passage, so that every sentence gets its share. A pair
is accepted if its words pass `screening`, if the teacher's likeliest answer to the question agrees with it, and if the
teacher supports the answer: it is likely with the passage in the prompt, and clearly likelier than without.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from disc_lite.documents import Passage
from disc_lite.models import Base
from disc_lite.models.generation import Continuation
from disc_lite.planning.amounts import pairs_of_sentence, wanted_pairs
from disc_lite.prompts.texts import Text
from disc_lite.qa import NearDuplicates, normalise
from disc_lite.recipe import Recipe
from disc_lite.synthesis.contradictions import is_stated
from disc_lite.synthesis.drafting import (
    DraftedPair,
    DraftedQuestion,
    Drafter,
    OnDrafts,
    askable_sentences,
    seed_of,
    shares,
    write_drafts,
)
from disc_lite.synthesis.facts import is_yes_no, same_facts, says_no_more
from disc_lite.synthesis.requests import Request
from disc_lite.synthesis.scoring import PairSet, ScoredPair, support

ROUNDS = 5  # rounds of drafting for the sentences of a passage that lack pairs
COOLER = 0.5  # factor on the temperature, for a sentence without pairs after the first round
ROWS = 1024  # fewest pairs wanted from a group of passages, so that many rows are generated at once
HELD_OUT = "held out for the evaluation"
DISAGREES = "the likeliest answer has other facts"


@dataclass(frozen=True)
class _PassagePairs:
    """A passage, the number of pairs wanted from each of its sentences, and the pairs so far (this list grows)."""

    drafter: Drafter
    share: Sequence[int]
    accepted: list[ScoredPair]
    yes_no: int  # number of pairs that can answer yes or no

    @property
    def missing(self) -> dict[int, int]:
        have = Counter(s.sentence for s in self.accepted if not s.drafted.request.mention)
        return {i: wanted - have[i] for i, wanted in enumerate(self.share) if wanted > have[i]}

    @property
    def done(self) -> int:
        """The number of the wanted pairs that are written; those that are only to contain a name are not counted."""
        return sum(self.share) - sum(self.missing.values())

    def is_complete(self, attempt: int) -> bool:
        """Whether nothing is to be drafted in round `attempt`."""
        questions = [s.pair.question for s in self.accepted]
        return not self.missing and not self.drafter.requests.names_to_mention(questions, attempt)


def write_pairs(
    base: Base, texts: Sequence[Text], recipe: Recipe, seed: int, held_out: Iterable[str] = (),
    on_round: Callable[[int, int, int], None] = lambda pairs, done, wanted: None,
    on_drafts: OnDrafts = lambda what, done, of: None,
) -> PairSet:  # fmt: skip
    """Return pairs about every passage; none of their questions is a near-duplicate of one in `held_out`.

    `on_round` is called with the number of pairs so far, the number of wanted ones that are done (written or given up),
    and the number of wanted ones. `on_drafts` is called with the number of questions drafted so far in a round, then of
    answers drafted, then of answers scored.
    """
    dropped: Counter[str] = Counter()
    forbidden = NearDuplicates(held_out, recipe.prompt.near_duplicate)
    passages, wanted, finished, done = list[_PassagePairs](), 0, 0, 0
    for text, passage in ((t, p) for t in texts for p in t.passages):
        passages.append(_progress(base, text, passage, recipe, seed, wanted))
        wanted += sum(passages[-1].share)
    on_round(0, 0, wanted)
    for group in _groups(passages):
        for attempt in range(ROUNDS):
            if all(progress.is_complete(attempt) for progress in group):
                break
            _round(base, recipe, group, seed_of(seed, finished, attempt), attempt, forbidden, dropped, on_drafts)
            on_round(sum(len(p.accepted) for p in passages), done + sum(p.done for p in group), wanted)
        finished, done = finished + len(group), done + sum(sum(p.share) for p in group)
        on_round(sum(len(p.accepted) for p in passages), done, wanted)
    return PairSet(
        tuple(scored for p in passages for scored in p.accepted), dict(sorted(dropped.items())),
        sum(len(p.share) for p in passages),
    )  # fmt: skip


def _progress(base: Base, text: Text, passage: Passage, recipe: Recipe, seed: int, before: int) -> _PassagePairs:
    """Return the progress of a passage without pairs; `before` counts the pairs wanted from the passages before it.

    The recipe's share of yes or no holds for all passages together: perhaps only one of two short passages can have
    such a pair.
    """
    sentences = askable_sentences(text, passage)
    number = seed_of(seed, text.document.sha256, passage.index)
    drafter = Drafter(base.tokens, text, passage, sentences, recipe, number)
    details = [len(each) for each in drafter.requests.details]
    wanted = wanted_pairs(passage, details, recipe)
    yes_no = round(recipe.prompt.yes_no_share * (before + wanted)) - round(recipe.prompt.yes_no_share * before)
    share = shares(wanted, [pairs_of_sentence(n, recipe.prompt) for n in details], number) if sentences else []
    return _PassagePairs(drafter, share, [], yes_no)


def _groups(passages: Sequence[_PassagePairs]) -> Iterator[list[_PassagePairs]]:
    """Yield groups of consecutive passages; from each group, except the last, at least ROWS pairs are wanted."""
    group: list[_PassagePairs] = []
    for progress in passages:
        group.append(progress)
        if sum(sum(p.share) for p in group) >= ROWS:
            yield group
            group = []
    if group:
        yield group


def _round(
    base: Base, recipe: Recipe, group: Sequence[_PassagePairs], seed: int, attempt: int, forbidden: NearDuplicates,
    dropped: Counter[str], on_drafts: OnDrafts,
) -> None:  # fmt: skip
    """Draft questions about every sentence that lacks pairs, draft answers, and accept the pairs that pass."""
    fresh = []
    near = recipe.prompt.near_duplicate
    questions = defaultdict[tuple[int, bool], NearDuplicates](lambda: NearDuplicates((), near))
    for progress in group:
        for scored in progress.accepted:
            questions[_compared_within(progress, scored.drafted.request)].add(scored.pair.question)
    for progress, question in _questions(base, recipe, group, seed, attempt, on_drafts):
        known = questions[_compared_within(progress, question.request)]
        reason = question.fault or (HELD_OUT if forbidden.near(question.text) else "")
        reason = reason or ("near-duplicate" if known.near(question.text) else "")
        if reason:
            dropped[reason] += 1
        else:
            known.add(question.text)
            fresh.append((progress, question))
    answered = _answers(base, recipe, fresh, seed, dropped, on_drafts)
    done = 0
    for progress in group:
        mine = [drafted for owner, drafted in answered if owner is progress]
        progress.accepted.extend(_supported(base, progress, mine, dropped))
        done += len(mine)
        on_drafts("scoring answers", done, len(answered))


def _compared_within(progress: _PassagePairs, request: Request) -> tuple[int, bool]:
    """Return a key that is the same for questions of which none may be nearly another one.

    A question that was written again with its subject is nearly the one without.
    """
    return progress.drafter.seed, request.kind == "subject"


def _questions(
    base: Base, recipe: Recipe, group: Sequence[_PassagePairs], seed: int, attempt: int, on_drafts: OnDrafts
) -> list[tuple[_PassagePairs, DraftedQuestion]]:
    """Draft and screen the questions that the passages of a group still lack."""
    requests, temperatures = [], []
    for progress in group:
        written = [(s.drafted.request, s.pair.question) for s in progress.accepted]
        has_question = {(request.sentence, request.detail) for request, _ in written if not request.mention}
        for request in progress.drafter.requests.of_round(progress.missing, attempt, written):
            requests.append((progress, request))
            is_new = (request.sentence, request.detail) not in has_question
            is_retry = attempt > 0 and is_new and not request.mention and recipe.prompt.worked_examples
            temperatures.append(recipe.prompt.question_temperature * (COOLER if is_retry else 1))
    drafts = write_drafts(
        base, [p.drafter.question_prompt(request) for p, request in requests],
        [p.drafter.prompt_group(request) for p, request in requests], recipe.prompt.question_tokens,
        temperatures, seed_of(seed, "questions"),
        lambda done: on_drafts("drafting questions", done, len(requests)), min_p=recipe.prompt.question_min_p,
    )  # fmt: skip
    by_words, of_drafts = recipe.prompt.screening, zip(requests, drafts, strict=True)
    return [(p, p.drafter.screened(request, draft, by_words)) for (p, request), draft in of_drafts]


def _answers(
    base: Base, recipe: Recipe, questions: Sequence[tuple[_PassagePairs, DraftedQuestion]], seed: int,
    dropped: Counter[str], on_drafts: OnDrafts,
) -> list[tuple[_PassagePairs, DraftedPair]]:  # fmt: skip
    """Return each question with every distinct answer that passes; rejected answers are counted in `dropped`."""
    settings = recipe.prompt
    prompts = [p.drafter.answer_prompt(q.text, q.request.sentence) for p, q in questions]
    is_checked = settings.agreement and settings.answer_temperature > 0
    temperatures = [settings.answer_temperature] * settings.answers_per_question + [0.0] * is_checked
    drafts = write_drafts(
        base, prompts * len(temperatures), [p.drafter.seed for p, _ in questions] * len(temperatures),
        settings.answer_tokens, [t for t in temperatures for _ in questions], seed_of(seed, "answers"),
        lambda done: on_drafts("drafting answers", done, len(prompts) * len(temperatures)),
    )  # fmt: skip
    drafts, greedy = drafts[: len(drafts) - is_checked * len(questions)], drafts[-len(questions) :]
    unique: dict[tuple[int, str, str], tuple[_PassagePairs, DraftedPair]] = {}
    for number, draft in enumerate(drafts):
        progress, question = questions[number % len(questions)]
        answered = progress.drafter.answered(question, draft)
        if isinstance(answered, DraftedPair) and is_checked:
            answered = _agreed(progress.drafter, question, answered, greedy[number % len(questions)])
        if isinstance(answered, str):
            dropped[answered] += 1
        else:
            place = (progress.drafter.seed, question.text, normalise(answered.pair.answer))
            unique[place] = (progress, answered)
    return list(unique.values())


def _agreed(
    drafter: Drafter, question: DraftedQuestion, sampled: DraftedPair, draft: Continuation
) -> DraftedPair | str:
    """Return the sampled answer or the greedy one in `draft`, whichever is taught, or why neither is.

    The two also agree if one has all facts of the other. Then the one that says more is taught if the sentence states
    it, otherwise the other one.
    """
    answers = sampled.pair.answer, drafter.tokens.decode(draft.ids)
    if same_facts(question.text, *answers):
        return sampled
    both: tuple[DraftedPair | str, DraftedPair | str] = sampled, drafter.answered(question, draft)
    if says_no_more(question.text, *answers):
        shorter, longer = both
    elif says_no_more(question.text, *reversed(answers)):
        longer, shorter = both
    else:
        return DISAGREES
    return longer if isinstance(longer, DraftedPair) and is_stated(longer.pair) else shorter


def _supported(
    base: Base, progress: _PassagePairs, answered: Sequence[DraftedPair], dropped: Counter[str]
) -> list[ScoredPair]:
    """Return the pairs whose answer the teacher supports, with only a few that answer yes or no."""
    if not answered:
        return []
    settings = progress.drafter.recipe.prompt
    known = [d.log_ps for d in answered]
    scores = support(base, progress.drafter.text, [d.pair for d in answered], settings.worked_examples, known)
    yes_no_left = progress.yes_no - sum(is_yes_no(s.pair.answer) for s in progress.accepted)
    accepted = []
    for drafted, score in zip(answered, scores, strict=True):
        (open_book, _, gain), yes_no = score, is_yes_no(drafted.pair.answer)
        if open_book < settings.min_support:
            dropped["answer not supported by the passage"] += 1
        elif gain < settings.min_gain:
            dropped["answer hardly likelier with the passage (prompt.min_gain)"] += 1
        elif yes_no and yes_no_left <= 0:
            dropped["one yes or no too many"] += 1
        else:
            yes_no_left -= yes_no
            accepted.append(ScoredPair(drafted, *score))
    return accepted
