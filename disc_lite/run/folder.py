"""A run folder: every file name in it, its formats and their version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, overload

from disc_lite.documents import RUN_RECORD
from disc_lite.errors import UsageError
from disc_lite.hub.aliases import ALIASES
from disc_lite.hub.source import Model
from disc_lite.qa import Pair, Question, read_pairs
from disc_lite.recipe import Recipe, load_recipe
from disc_lite.run.answers import Answers, Drift, Retained, When
from disc_lite.run.changes import Changes, State
from disc_lite.storage import (
    DIGESTS,
    JsonObject,
    read_json,
    read_jsonl,
    require_digests,
    require_unchanged,
    write_json,
    write_jsonl,
)

if TYPE_CHECKING:
    from disc_lite.prompts.texts import Text

FORMAT = 11  # of all these files; a change that another version would misread adds 1


class Entry:
    """A name in every run folder: `RunFolder(path).pairs` is its path, `RunFolder.pairs.name` the name alone."""

    def __init__(self, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, folder: None, owner: type) -> Entry: ...

    @overload
    def __get__(self, folder: RunFolder, owner: type) -> Path: ...

    def __get__(self, folder: RunFolder | None, owner: type) -> Entry | Path:
        return self if folder is None else folder.path / self.name


@dataclass(frozen=True)
class RunFolder:
    """The files of one run, in the order in which they are written."""

    path: Path

    digests = Entry(DIGESTS)  # size and SHA-256 of what is written from now on, see `storage.digests`
    record = Entry(RUN_RECORD)  # identity of the run and its model; it makes the folder this run's
    readme = Entry("README.md")  # which files tell something of the documents
    recipe = Entry("recipe.yaml")  # every setting, with where its value came from
    ledger = Entry("ledger.jsonl")  # a line for every file that was named, with its one outcome
    passages = Entry("passages.jsonl")
    journal = Entry("journal.txt")  # what was generated so far; an update looks up in it what the base answers
    questions = Entry("questions.jsonl")  # those that are measured with
    question_drafts = Entry("questions.json")  # what became of the other drafts of held-out questions
    pairs = Entry("pairs.jsonl")  # question-answer pairs that are trained on, with their scores
    removed = Entry("removed.jsonl")  # of an update: pairs of what is gone that it rehearses or unlearns
    dropped = Entry("dropped.jsonl")  # of an update: pairs of what is gone that its adapter may still know
    update = Entry("update.json")  # what an update took over from the earlier run
    pair_drafts = Entry("pairs.json")  # what became of the other drafts of pairs, and the coverage
    neutral = Entry("neutral.jsonl")  # the base's answers to neutral prompts, as token ids
    retention = Entry("retention_prompts.jsonl")  # prompts and answers of the base for the retention term, as token ids
    self_generated = Entry("self_generated.jsonl")  # held-out prompts and answers of the base, to measure the drift
    teacher = Entry("teacher.json")  # what the teacher's reading has measured, and how many examples there are
    cache = Entry("cache")  # teacher hidden states; removed when the adapter is there
    computed = Entry("computed.jsonl")  # how it was computed, a line for every change
    metrics = Entry("metrics.jsonl")  # a line a step
    resumes = Entry("resumes.jsonl")  # after which steps training was taken up again
    fit = Entry("fit.jsonl")  # how many of the pairs' questions were answered closed book on the way
    checkpoints = Entry("checkpoints")
    within = Entry("within")  # the last adapters whose drift is within the limit
    stopped = Entry("stopped.json")  # where the limit on drift ended training
    adapter = Entry("adapter")  # as PEFT loads it
    answers_before = Entry("before.json")
    answers_after = Entry("after.json")
    retained_before = Entry("retained_before.json")
    retained_after = Entry("retained_after.json")
    summary = Entry("summary.json")  # the last file of `adapt`: with it the run is finished
    evaluations = Entry("evaluations")  # answers to questions that `eval` was given later
    judge = Entry("judge.json")  # the base's verdicts on the answers
    benchmarks = Entry("benchmarks.json")
    exports = Entry("exports")
    report = Entry("report.html")

    def __str__(self) -> str:
        return str(self.path)

    # -- whether it is a run, and of which version -------------------------------------------------------

    def read_record(self) -> JsonObject:
        """Identity and model. Raises UsageError where another version of disc-lite wrote this folder.

        Raises EnvironmentNotReady where it has no digests, or the record is not what was written.
        """
        record = read_json(self.record)
        identity = record.get("identity") if isinstance(record, dict) else None
        written = identity.get("format") if isinstance(identity, dict) else None
        if written != FORMAT:
            raise UsageError(
                f"The run in {self} was made by another version of disc-lite.",
                f"Its files are of format {written}, this version reads and writes format {FORMAT}.",
                "Use the version that made it, or adapt again with another --output; --pairs takes its pairs over.",
            )
        require_digests(self.path)
        return dict(record)

    def read_base(self) -> tuple[str, str]:
        """The model as it was named, and the name by which it is opened from any directory.

        The built-in model lies where disc-lite is installed, so it is opened by its own name.
        """
        model = self.read_record()["model"]
        name = str(model["name"])
        return name, name if name.lower() in ALIASES else str(model["reference"])

    def require_finished(self) -> None:
        """Raises UsageError where there is no run, it has not ended, or another version made it."""
        if not self.record.is_file():
            raise UsageError(f"{self} is not the folder of a run.", "", "Name the --output of an `adapt`.")
        self.read_record()
        if not self.summary.is_file():
            raise UsageError(
                f"The run in {self} is not finished.", "", "Repeat its `adapt` command; it continues where it was."
            )

    def require_base(self, model: Model) -> None:
        """Raises UsageError unless this is the model that the run was trained on."""
        if model.fingerprint != self.read_record()["identity"]["model"]:
            raise UsageError(
                f"{model.name} is not the model that {self} was trained on.",
                "The files in the model folder have changed since.",
                "Put the old files back, or adapt again.",
            )

    # -- formats that are more than JSON -----------------------------------------------------------------

    def read_recipe(self) -> Recipe:
        """As it was when the run was made, without the present environment variables."""
        require_unchanged(self.recipe)
        return load_recipe(str(self.recipe), environment={}).recipe

    def read_questions(self) -> tuple[Question, ...]:
        return tuple(map(question_of, read_jsonl(self.questions)))

    def read_questions_removed(self) -> tuple[Question, ...]:
        """Of an update: questions and statements of the earlier run about passages that are gone."""
        return tuple(map(question_of, self.read_update().get("questions_removed", [])))

    def write_questions(self, questions: Iterable[Question]) -> None:
        write_jsonl(self.questions, map(question_row, questions))

    def evaluation(self, questions: Sequence[Question]) -> RunFolder:
        """Where the answers to questions of another file are; they have the names that they have in the run."""
        return RunFolder(self.evaluations / sha256(repr(tuple(questions)).encode()).hexdigest()[:12])

    def read_pairs(self) -> tuple[Pair, ...]:
        """The pairs that are trained on; none where the method has none."""
        require_unchanged(self.pairs)
        return read_pairs(self.pairs) if self.pairs.is_file() else ()

    def read_pair_rows(self) -> list[JsonObject]:
        """As `read_pairs`, with everything that is known of them."""
        return read_jsonl(self.pairs, missing_ok=True)

    def read_removed(self) -> list[JsonObject]:
        """Lines of `removed.jsonl`: pairs, each with `shown`, the text of its passage."""
        return read_jsonl(self.removed, missing_ok=True)

    def read_dropped(self) -> list[JsonObject]:
        """Lines of `dropped.jsonl`, as those of `removed.jsonl`."""
        return read_jsonl(self.dropped, missing_ok=True)

    def read_update(self) -> JsonObject:
        """What an update took over; empty for other runs."""
        return dict(read_json(self.update, missing_ok=True))

    def read_benchmarks(self) -> JsonObject:
        """Task -> its results; a file that was removed has none, since the tasks can be run again."""
        return dict(read_json(self.benchmarks)) if self.benchmarks.is_file() else {}

    def read_passages(self) -> list[tuple[str, str]]:
        """(document, text) of all passages."""
        return [(row["document"], row["text"]) for row in read_jsonl(self.passages)]

    def read_file_titles(self) -> dict[str, str]:
        """Document -> its title, of those whose title is the name of their file."""
        return {row["document"]: row["file_title"] for row in read_jsonl(self.passages) if "file_title" in row}

    def read_states(self) -> list[State]:
        """Of all passages of an update, what has become of them since the earlier run; empty for other runs."""
        return [row["since"] for row in read_jsonl(self.passages) if "since" in row]

    def write_passages(self, texts: Iterable[Text], changes: Changes | None = None) -> None:
        write_jsonl(self.passages, (
            {"document": text.document.name, "passage": passage.index, "tokens": passage.end - passage.start,
             **({"file_title": text.document.title} if text.document.named_by_file else {}),
             **({"since": changes.state((text.document.name, passage.index))} if changes else {}),
             "text": text.passage_text(passage),
             "sentences": [text.sentence_text(*sentence).strip() for sentence in passage.sentences]}
            for text in texts for passage in text.passages
        ))  # fmt: skip

    def read_answers(self, when: When) -> Answers | None:
        """None where the model was not asked yet."""
        path = self._answers(when)
        return Answers(**read_json(path)) if path.is_file() else None

    def write_answers(self, when: When, answers: Answers) -> None:
        write_json(self._answers(when), asdict(answers), may_differ=True)

    def _answers(self, when: When) -> Path:
        return self.answers_before if when == "before" else self.answers_after

    def read_retained(self, when: When) -> Retained | None:
        """None where the model was not asked yet."""
        path = self._retained(when)
        if not path.is_file():
            return None
        row = read_json(path)
        return Retained(**{**row, "drift": {name: Drift(**drift) for name, drift in row["drift"].items()}})

    def write_retained(self, when: When, retained: Retained) -> None:
        write_json(self._retained(when), asdict(retained), may_differ=True)

    def _retained(self, when: When) -> Path:
        return self.retained_before if when == "before" else self.retained_after

    @property
    def is_trained(self) -> bool:
        """Whether training is finished: what is left is to measure."""
        return self.adapter.is_dir() and self.teacher.is_file() and self.self_generated.is_file()


def question_row(question: Question) -> JsonObject:
    """As a file of questions has it: under `question` or `completion`, without what is empty."""
    row = asdict(question)
    text = {row.pop("kind"): row.pop("text")}
    return {**text, **{key: value for key, value in row.items() if value not in ("", (), -1)}}


def by_kind(questions: Sequence[Question]) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    """The questions, and the statements to finish."""
    return tuple(q for q in questions if q.kind == "question"), tuple(q for q in questions if q.kind == "completion")


def question_of(row: JsonObject) -> Question:
    kind = "completion" if "completion" in row else "question"
    return Question(
        row[kind], tuple(row["answers"]), row.get("document", ""), kind, passage_index=row.get("passage_index", -1),
        choices=tuple(row.get("choices", ())),
    )  # fmt: skip
