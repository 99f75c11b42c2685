"""Questions and question-answer pairs: file formats, normalisation, right answers, near-duplicates.

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
    """A question (or a statement to finish), and its right answers."""

    text: str
    answers: tuple[str, ...]
    document: str = ""  # that has the answer, if known
    kind: str = "question"  # or "completion"
    passage: str = ""  # in the prompt of an open-book probe
    passage_index: int = -1  # number of the passage of the document that has the answer, if known
    choices: tuple[str, ...] = ()  # multiple choice: the likeliest of these is the prediction


@dataclass(frozen=True)
class Pair:
    """A question about a passage and its answer, to train on."""

    document: str
    passage: int  # its number in the document
    question: str
    answer: str
    source: str = ""  # the sentence of the passage that the question is about, if known


def read_questions(path: Path) -> tuple[Question, ...]:
    """Lines of `{"question" | "completion": …, "answers": […], "document": …, "choices": […]}`.

    Raises UsageError with the number of the first invalid line.
    """
    questions = tuple(_question(path, number, row, why) for number, row, why in _rows(path, "question"))
    if not questions:
        raise UsageError(f"The questions file {path} has no question.")
    return questions


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Lines of a run's `pairs.jsonl`, perhaps edited. Raises UsageError with the number of a broken line."""
    wanted = {"document": str, "passage": int, "question": str, "answer": str}
    pairs = []
    for number, row, why in _rows(path, "pair"):
        if not isinstance(row, dict) or not all(_is_a(row.get(key), kind) for key, kind in wanted.items()):
            raise UsageError(
                f"Line {number} of {path} is not a pair.", why or f"It needs {', '.join(wanted)}.",
                "Correct or delete the line.",
            )  # fmt: skip
        source = row.get("source", "")
        pairs.append(replace(Pair(*(row[key] for key in wanted)), source=source if isinstance(source, str) else ""))
    return tuple(pairs)


def _is_a(value: Any, kind: type) -> bool:
    if type(value) is not kind:
        return False
    return kind is not str or normalise(str(value)) != ""


def _rows(path: Path, what: str) -> list[tuple[int, Any, str]]:
    """Number, JSON value (None if invalid) and the error, for every line that is not blank."""
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


def is_right(prediction: str, answers: Iterable[str], grading: str) -> bool:
    """`exact`: the prediction is one of `answers`; `contains`: it contains one of them, as whole words."""
    prediction = normalise(prediction)
    words = words_of(prediction)
    for answer in map(normalise, answers):
        if prediction == answer or (grading == "contains" and _has_run(words, words_of(answer))):
            return True
    return False


def _has_run(words: Sequence[str], run: Sequence[str]) -> bool:
    """Whether the words `run` occur in `words` in this order without a gap."""
    return any(words[i : i + len(run)] == run for i in range(len(words) - len(run) + 1)) if run else False


def words_of(text: str) -> list[str]:
    """Words in lower case, in their order; single characters in scripts without spaces between words."""
    return WORD.findall(THOUSANDS.sub("", text.lower()))


def word_set(text: str) -> frozenset[str]:
    return frozenset(words_of(text))


def numbers_of(text: str) -> frozenset[str]:
    """The numbers in a text as they are written, without thousands separators."""
    return frozenset(NUMBER.findall(THOUSANDS.sub("", text)))


class NearDuplicates:
    """An index of questions that finds near-duplicates: Jaccard index of the word sets above a limit, equal numbers."""

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
        """Whether a near-duplicate of the question is in the index."""
        words, numbers = word_set(question), numbers_of(question)
        shared = Counter(i for word in words for i in self.by_word.get(word, ()))
        return any(
            n / len(words | self.sets[i]) >= self.limit and numbers == self.numbers[i] for i, n in shared.items()
        )
