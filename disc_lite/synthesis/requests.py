"""Which questions to draft about a passage: about which sentence, of which kind, and for which detail or name.

Does not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice

from disc_lite.planning.amounts import details_asked, questions_with_name
from disc_lite.prompts.writing import kinds_in
from disc_lite.recipe import Recipe
from disc_lite.synthesis.mentioned_names import places_of_names, still_lacking

FIRST = 2  # fewest drafts about a sentence in the first round, if later rounds write them again
# Rounds after which a detail without a question is given up, if others of its sentence have one; and a name.
TRIES = 2
OF_DETAILS = ("detail", "rephrased", "subject")  # kinds of questions that a detail answers
OF_QUESTIONS = ("rephrased", "subject")  # kinds that begin with an accepted question
ONLY_OF_DETAILS = ("detail", "mention")  # kinds that need a detail


@dataclass(frozen=True)
class Request:
    """A question to draft."""

    sentence: int  # number among the askable sentences of the passage
    kind: str  # kind of question, see `prompts.writing.KINDS`
    detail: str = ""  # the detail that the answer should give (in a pair: gives); "" for any fact
    mention: str = ""  # the name that the question must contain; "" for none
    original: str = ""  # the question to write again, in other words or with the subject; "" for a new one


@dataclass(frozen=True)
class Requests:
    """The questions to draft about one passage."""

    sentences: Sequence[str]  # only askable ones
    language: str
    recipe: Recipe

    @cached_property
    def details(self) -> list[tuple[str, ...]]:
        """The details of each sentence to ask about."""
        return [details_asked(sentence, self.language, self.recipe) for sentence in self.sentences]

    @cached_property
    def _names(self) -> dict[str, int]:
        """The names that questions should contain, each with a sentence that has it; empty unless the recipe asks."""
        return places_of_names(self.sentences, self.language) if questions_with_name(self.recipe) else {}

    @cached_property
    def _kinds(self) -> list[str]:
        return kinds_in(self.recipe.prompt.kinds) if self.recipe.prompt.worked_examples else ["plain"]

    @property
    def _writes_again(self) -> bool:
        """Whether later rounds write accepted questions again."""
        return not set(OF_QUESTIONS).isdisjoint(self._kinds)

    def of_round(
        self, missing: Mapping[int, int], attempt: int, accepted: Sequence[tuple[Request, str]]
    ) -> list[Request]:
        """Return the questions to draft in round `attempt`, counted from 0.

        `missing` maps each sentence that lacks pairs to the number that it lacks; `accepted` are the accepted questions
        with their requests. In the first round a sentence gets a few drafts, about one for each of its details, if
        later rounds can write them again. Otherwise it gets as many as it lacks pairs: accepted questions in other
        words or with their subject, or new ones, of which a small model can need ten until one is accepted. The later
        rounds also ask for questions that contain names.
        """
        known: dict[tuple[int, str, str], list[str]] = {}
        for request, question in accepted:
            known.setdefault((request.sentence, request.detail, request.mention), []).append(question)
        result: list[Request] = []
        for sentence, lacking in missing.items():
            about = {detail: known.get((sentence, detail, ""), []) for detail in (*self.details[sentence], "")}
            if attempt >= TRIES:
                about = {detail: questions for detail, questions in about.items() if questions} or about
            few = max(FIRST, len(about)) if attempt == 0 and self._writes_again else lacking
            result += self._about(sentence, about, min(lacking, few), attempt)
        for name, lacking in self.names_to_mention([question for _, question in accepted], attempt).items():
            sentence = self._names[name]
            result += self._with_name(sentence, name, known.get((sentence, "", name), []), lacking)
        return result

    def names_to_mention(self, questions: Sequence[str], attempt: int) -> dict[str, int]:
        """Return the names to ask about in round `attempt`, each with the number of questions that it lacks.

        They are asked about from the second round on, when the other questions show which names they lack. A name that
        no question contains after `TRIES` rounds of its own is given up: the model cannot ask about it.
        """
        wanted = questions_with_name(self.recipe)
        lacking = still_lacking(self._names, questions, self.language, wanted) if attempt else {}
        is_late = attempt > TRIES
        return {name: number for name, number in lacking.items() if not (is_late and number == wanted)}

    def _about(self, sentence: int, known: Mapping[str, Sequence[str]], number: int, attempt: int) -> Iterator[Request]:
        """Yield `number` requests about a sentence, spread over its details and "" (any fact).

        `known` maps each of these to its questions so far. The kinds of questions are taken in turn.
        """
        counts = {detail: len(questions) for detail, questions in known.items()}
        in_turn = {detail: cycle(questions) for detail, questions in known.items()}
        for _ in range(number):
            detail = min(counts, key=lambda detail: counts[detail])
            kinds = [kind for kind in self._kinds if (kind in OF_DETAILS if detail else kind not in ONLY_OF_DETAILS)]
            kinds = [kind for kind in kinds if kind not in OF_QUESTIONS or known[detail]] or ["plain"]
            kind = kinds[(counts[detail] + attempt) % len(kinds)]
            yield Request(sentence, kind, detail, original=next(in_turn[detail]) if kind in OF_QUESTIONS else "")
            counts[detail] += 1

    def _with_name(self, sentence: int, name: str, known: Sequence[str], number: int) -> Iterator[Request]:
        """Yield `number` requests for questions that contain a name: to rephrase the `known` ones, or for new ones."""
        originals = known if "rephrased" in self._kinds else ()
        for original in islice(cycle(originals or [""]), number):
            yield Request(sentence, "rephrased" if original else "mention", mention=name, original=original)
