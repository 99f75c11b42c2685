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
    read_log,
    require_digests,
    require_unchanged,
    write_json,
    write_jsonl,
)

if TYPE_CHECKING:
    from disc_lite.prompts.texts import Text

FORMAT = 11  # version of all these files; raised by a change that another version would misread


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
    record = Entry(RUN_RECORD)  # identity of the run and its model; marks the folder as this run's
    readme = Entry("README.md")  # which files contain text from the documents
    recipe = Entry("recipe.yaml")  # every setting, with where its value came from
    ledger = Entry("ledger.jsonl")  # a line for every file that was given, with its outcome
    passages = Entry("passages.jsonl")
    journal = Entry("journal.txt")  # what was generated so far; an update looks up answers of the base in it
    questions = Entry("questions.jsonl")  # held-out questions
    question_drafts = Entry("questions.json")  # what became of the other drafts of held-out questions
    pairs = Entry("pairs.jsonl")  # question-answer pairs that are trained on, with their scores
    removed = Entry("removed.jsonl")  # update: pairs about removed text that are rehearsed or unlearned
    dropped = Entry("dropped.jsonl")  # update: pairs about removed text that the adapter may still know
    update = Entry("update.json")  # what an update took over from the earlier run
    pair_drafts = Entry("pairs.json")  # what became of the other drafts of pairs, and the coverage
    neutral = Entry("neutral.jsonl")  # the base's answers to neutral prompts, as token ids
    retention = Entry("retention_prompts.jsonl")  # prompts and answers of the base for the retention term, as token ids
    self_generated = Entry("self_generated.jsonl")  # held-out prompts and answers of the base, to measure the drift
    teacher = Entry("teacher.json")  # teachability, number of examples and teacher tokens
    cache = Entry("cache")  # teacher hidden states; removed when the adapter is written
    computed = Entry("computed.jsonl")  # how it was computed, a line for every change
    metrics = Entry("metrics.jsonl")  # a line a step
    resumes = Entry("resumes.jsonl")  # the steps after which training was continued
    fit = Entry("fit.jsonl")  # share of the trained questions that were answered closed book, by step
    checkpoints = Entry("checkpoints")
    within = Entry("within")  # the last adapters whose drift is within the limit
    stopped = Entry("stopped.json")  # where the limit on drift ended training
    adapter = Entry("adapter")  # as PEFT loads it
    answers_before = Entry("before.json")
    answers_after = Entry("after.json")
    retained_before = Entry("retained_before.json")
    retained_after = Entry("retained_after.json")
    summary = Entry("summary.json")  # the last file of `adapt`: with it the run is finished
    evaluations = Entry("evaluations")  # answers to the questions of `eval --questions`
    judge = Entry("judge.json")  # the base's verdicts on the answers
    benchmarks = Entry("benchmarks.json")
    exports = Entry("exports")
    report = Entry("report.html")

    def __str__(self) -> str:
        return str(self.path)

    # -- checks: is it a run, and of which version -------------------------------------------------------

    def read_record(self) -> JsonObject:
        """Identity and model of the run. Raises UsageError if another version of disc-lite wrote this folder.

        Raises EnvironmentNotReady if it has no digests, or the record is not what was written.
        """
        record = read_json(self.record)
        identity = record.get("identity") if isinstance(record, dict) else None
        written = identity.get("format") if isinstance(identity, dict) else None
        if written != FORMAT:
            raise UsageError(
                f"The run in {self} was made by another version of disc-lite.",
                f"Its files have format {written}; this version reads and writes format {FORMAT}.",
                "Use the version that made it, or adapt again with another --output; --pairs reuses its pairs.",
            )
        require_digests(self.path)
        return dict(record)

    def read_base(self) -> tuple[str, str]:
        """The model as it was named, and a name that opens it from any directory.

        The built-in model is opened by its own name, since its folder depends on where disc-lite is installed.
        """
        model = self.read_record()["model"]
        name = str(model["name"])
        return name, name if name.lower() in ALIASES else str(model["reference"])

    def require_finished(self) -> None:
        """Raises UsageError if there is no run, it has not ended, or another version made it."""
        if not self.record.is_file():
            raise UsageError(f"{self} is not the folder of a run.", "", "Name the --output of an `adapt` command.")
        self.read_record()
        if not self.summary.is_file():
            raise UsageError(
                f"The run in {self} is not finished.", "", "Repeat its `adapt` command; it continues where it stopped."
            )

    def fingerprint(self) -> str:
        """The fingerprint of the model that the run was trained on."""
        return str(self.read_record()["identity"]["model"])

    def is_base(self, model: Model) -> bool:
        """Whether this is the model that the run was trained on."""
        return model.fingerprint == self.fingerprint()

    def require_base(self, model: Model) -> None:
        """Raises UsageError unless this is the model that the run was trained on."""
        if not self.is_base(model):
            raise UsageError(
                f"{model.name} is not the model that {self} was trained on.",
                "The files in the model folder have changed since.",
                "Put the old files back, or adapt again.",
            )

    # -- formats that are more than JSON -----------------------------------------------------------------

    def read_recipe(self) -> Recipe:
        """The recipe as it was when the run was made; environment variables of this process have no effect."""
        require_unchanged(self.recipe)
        return load_recipe(str(self.recipe), environment={}).recipe

    def read_questions(self) -> tuple[Question, ...]:
        return tuple(map(question_of, read_jsonl(self.questions)))

    def read_questions_removed(self) -> tuple[Question, ...]:
        """For an update, the earlier run's questions and statements about removed passages; empty for other runs."""
        return tuple(map(question_of, self.read_update().get("questions_removed", [])))

    def write_questions(self, questions: Iterable[Question]) -> None:
        write_jsonl(self.questions, map(question_row, questions))

    def evaluation(self, questions: Sequence[Question]) -> RunFolder:
        """The subfolder with the answers to other questions; its files are named as in the run folder."""
        return RunFolder(self.evaluations / sha256(repr(tuple(questions)).encode()).hexdigest()[:12])

    def read_pairs(self) -> tuple[Pair, ...]:
        """The pairs that are trained on; empty if the method has none."""
        require_unchanged(self.pairs)
        return read_pairs(self.pairs) if self.pairs.is_file() else ()

    def read_pair_rows(self) -> list[JsonObject]:
        """Lines of `pairs.jsonl`: the pairs with their scores and sources."""
        return read_jsonl(self.pairs, missing_ok=True)

    def read_removed(self) -> list[JsonObject]:
        """Lines of `removed.jsonl`: pairs, each with `shown`, the text of its passage."""
        return read_jsonl(self.removed, missing_ok=True)

    def read_dropped(self) -> list[JsonObject]:
        """Lines of `dropped.jsonl`, in the format of `removed.jsonl`."""
        return read_jsonl(self.dropped, missing_ok=True)

    def read_update(self) -> JsonObject:
        """What an update took over from the earlier run; empty for other runs."""
        return dict(read_json(self.update, missing_ok=True))

    def read_benchmarks(self) -> JsonObject:
        """Task -> results; empty if the file is missing or was removed, since the tasks can be run again."""
        return dict(read_json(self.benchmarks)) if self.benchmarks.is_file() else {}

    def read_passages(self) -> list[tuple[str, str]]:
        """(document, text) of all passages."""
        return [(row["document"], row["text"]) for row in read_jsonl(self.passages)]

    def read_file_titles(self) -> dict[str, str]:
        """Document -> title, for documents whose title is their file name."""
        return {row["document"]: row["file_title"] for row in read_jsonl(self.passages) if "file_title" in row}

    def read_states(self) -> list[State]:
        """For an update, the state of each passage since the earlier run, in order; empty for other runs."""
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
        """The saved answers to the questions and statements; None if the model was not asked yet."""
        path = self._answers(when)
        return Answers(**read_json(path)) if path.is_file() else None

    def write_answers(self, when: When, answers: Answers) -> None:
        write_json(self._answers(when), asdict(answers), may_differ=True)

    def _answers(self, when: When) -> Path:
        return self.answers_before if when == "before" else self.answers_after

    def read_retained(self, when: When) -> Retained | None:
        """The saved answers that should not change, and the drift; None if the model was not asked yet."""
        path = self._retained(when)
        if not path.is_file():
            return None
        row = read_json(path)
        return Retained(**{**row, "drift": {name: Drift(**drift) for name, drift in row["drift"].items()}})

    def write_retained(self, when: When, retained: Retained) -> None:
        write_json(self._retained(when), asdict(retained), may_differ=True)

    def _retained(self, when: When) -> Path:
        return self.retained_before if when == "before" else self.retained_after

    def read_last_fit(self) -> JsonObject:
        """The last check: `step`, the `share` of trained questions that were answered, and the teacher's share.

        An update that unlearns also has `unlearned`: the number of those questions answered as taught, now and by the
        base. Empty if nothing was checked.
        """
        rows = read_log(self.fit)
        return rows[-1] if rows else {}

    @property
    def is_trained(self) -> bool:
        """Whether training is finished, so that only measuring is left."""
        return self.adapter.is_dir() and self.teacher.is_file() and self.self_generated.is_file()


def question_row(question: Question) -> JsonObject:
    """A question as a line of a questions file: text under `question` or `completion`, empty fields left out."""
    row = asdict(question)
    text = {row.pop("kind"): row.pop("text")}
    return {**text, **{key: value for key, value in row.items() if value not in ("", (), -1)}}


def by_kind(questions: Sequence[Question]) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    """Splits questions by kind: the questions, and the statements to finish."""
    return tuple(q for q in questions if q.kind == "question"), tuple(q for q in questions if q.kind == "completion")


def question_of(row: JsonObject) -> Question:
    kind = "completion" if "completion" in row else "question"
    return Question(
        row[kind], tuple(row["answers"]), row.get("document", ""), kind, passage_index=row.get("passage_index", -1),
        choices=tuple(row.get("choices", ())),
    )  # fmt: skip
