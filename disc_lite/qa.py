"""Questions, question-answer pairs and their files; when an answer is right, and when two questions are the same.

Does not import torch.
"""

from __future__ import annotations

import json
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from disc_lite.errors import UsageError

ARTICLES = re.compile(r"\b(a|an|the)\b")
# Han, kana, Thai, Lao, Khmer and Burmese write words without spaces between them.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{UNSPACED}]|(?:(?![{UNSPACED}])\w)+")
NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation + "“”‘’–—…", " "))


@dataclass(frozen=True)
class Question:
    """Something to ask (or a statement to finish), and what counts as a right answer."""

    text: str
    answers: tuple[str, ...]
    document: str = ""  # where the answer stands, if known
    kind: str = "question"  # or "completion"
    passage: str = ""  # shown with the question, in open-book probes
    passage_index: int = -1  # of the document, where the answer stands in a passage of it that is known
    choices: tuple[str, ...] = ()  # multiple choice: the likeliest of these is the answer given


@dataclass(frozen=True)
class Pair:
    """A question about a passage and an answer to it: what prompt distillation teaches with."""

    document: str
    passage: int  # its number in the document
    question: str
    answer: str
    source: str = ""  # the sentence of the passage that it was asked about, where known


def read_questions(path: Path) -> tuple[Question, ...]:
    """Lines of `{"question" | "completion": …, "answers": […], "document": …, "choices": […]}`.

    Raises UsageError with the number of the first line that is none.
    """
    found = tuple(_question(path, number, row, why) for number, row, why in _rows(path, "question"))
    if not found:
        raise UsageError(f"The questions file {path} holds no question.")
    return found


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Lines of a run's `pairs.jsonl`, perhaps edited. Raises UsageError with the number of a broken line."""
    wanted = {"document": str, "passage": int, "question": str, "answer": str}
    found = []
    for number, row, why in _rows(path, "pair"):
        if not isinstance(row, dict) or not all(_is_a(row.get(key), kind) for key, kind in wanted.items()):
            raise UsageError(
                f"Line {number} of {path} is not a pair.", why or f"It needs {', '.join(wanted)}.",
                "Mend or delete the line.",
            )  # fmt: skip
        source = row.get("source", "")
        found.append(replace(Pair(*(row[key] for key in wanted)), source=source if isinstance(source, str) else ""))
    return tuple(found)


def _is_a(value: Any, kind: type) -> bool:
    if type(value) is not kind:
        return False
    return kind is not str or normalise(str(value)) != ""


def _rows(path: Path, what: str) -> list[tuple[int, Any, str]]:
    """Number, JSON value (None if broken) and what is wrong with it, for every line that is not blank."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The {what}s file {path} cannot be read.", str(error)) from error
    rows: list[tuple[int, Any, str]] = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                rows.append((number, json.loads(line), ""))
            except ValueError as error:
                rows.append((number, None, str(error)))
    return rows


def _question(path: Path, number: int, row: Any, why: str) -> Question:
    why = why or "it needs `question` or `completion` (text) and `answers` (a list of texts)"
    if isinstance(row, dict):
        kind = "completion" if "completion" in row else "question"
        text, answers, document = row.get(kind), row.get("answers"), row.get("document", "")
        usable = answers and _texts(answers)
        if usable and isinstance(text, str) and text.strip() and isinstance(document, str):
            choices = row.get("choices", [])
            if not choices:
                return Question(text.strip(), tuple(answers or ()), document, kind)
            if kind == "question" and _texts(choices) and set(answers or ()) < set(choices):
                return Question(text.strip(), tuple(answers or ()), document, kind, choices=tuple(choices))
            why = "`choices` is a list of texts, the answers are among them, and others too"
    raise UsageError(
        f"Line {number} of {path} is not a question.", f"{why[0].upper()}{why[1:]}.",
        'Write lines like {"question": "Who …?", "answers": ["…"], "document": "guide.md"}.',
    )  # fmt: skip


def _texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(v, str) and normalise(v) for v in values)


def normalise(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces (the SQuAD rule, arXiv 1606.05250)."""
    plain = unicodedata.normalize("NFKC", text).lower().translate(PUNCTUATION)
    return " ".join(ARTICLES.sub(" ", plain).split())


def is_right(given: str, answers: Iterable[str], grading: str) -> bool:
    """`exact`: the answer is one of `answers`; `contains`: it has one of them in it, as whole words."""
    said = normalise(given)
    words = words_of(said)
    for answer in map(normalise, answers):
        if said == answer or (grading == "contains" and _has_run(words, words_of(answer))):
            return True
    return False


def _has_run(words: Sequence[str], run: Sequence[str]) -> bool:
    """Whether `run` stands in `words` as it is; words are characters where a script puts no spaces between words."""
    return any(words[i : i + len(run)] == run for i in range(len(words) - len(run) + 1)) if run else False


def words_of(text: str) -> list[str]:
    """Words in lower case, in their order; one character each where a script puts no spaces between words."""
    return WORD.findall(THOUSANDS.sub("", text.lower()))


def word_set(text: str) -> frozenset[str]:
    return frozenset(words_of(text))


def numbers_of(text: str) -> frozenset[str]:
    """The numbers in a text as they are written, thousands groups taken together."""
    return frozenset(NUMBER.findall(THOUSANDS.sub("", text)))


class NearDuplicates:
    """Finds near-duplicates: word sets whose Jaccard index reaches a limit, and no other number in either."""

    def __init__(self, questions: Iterable[str], limit: float) -> None:
        self.limit = limit
        self.sets: list[frozenset[str]] = []
        self.numbers: list[frozenset[str]] = []
        self.by_word: dict[str, list[int]] = {}
        for question in questions:
            self.add(question)

    def add(self, question: str) -> None:
        words = word_set(question)
        for word in words:
            self.by_word.setdefault(word, []).append(len(self.sets))
        self.sets.append(words)
        self.numbers.append(numbers_of(question))

    def near(self, question: str) -> bool:
        """Whether one of the questions so far is the same but for a few words."""
        words, numbers = word_set(question), numbers_of(question)
        shared = Counter(i for word in words for i in self.by_word.get(word, ()))
        return any(
            n / len(words | self.sets[i]) >= self.limit and numbers == self.numbers[i] for i, n in shared.items()
        )
