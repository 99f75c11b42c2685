"""An update takes over what is unchanged, asks about the rest, and leaves the earlier run as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from disc_lite.distillation.examples import tokenise
from disc_lite.errors import EnvironmentNotReady, Interrupted, UsageError
from disc_lite.evaluation.retrieval import places_of
from disc_lite.models.adapter import state_of
from disc_lite.planning.amounts import rehearsed_examples
from disc_lite.qa import Pair, Question
from disc_lite.recipe.methods import METHODS
from disc_lite.run import readme
from disc_lite.run.adapt import adapt
from disc_lite.run.earlier import earlier_answers, read_earlier
from disc_lite.run.folder import RunFolder
from disc_lite.run.since import nothing_to_teach
from disc_lite.run.training import attach_adapter
from disc_lite.run.update import _sampled, agreeing, kept_questions, questions_still_gone, unlearning, without_asked
from disc_lite.run.user_files import pairs_of
from disc_lite.storage import read_json, read_jsonl
from disc_lite.synthesis.contradictions import CONTRADICTED
from disc_lite.synthesis.drafting import DraftedPair
from disc_lite.synthesis.requests import Request
from disc_lite.synthesis.scoring import PairSet, ScoredPair
from tests.counting import Counted, names_compared
from tests.documents.written import document
from tests.made import SMALL, SmallAdapt, adapter_sha256, document_of, recipe_of
from tests.run.earlier_runs import BOATS, earlier_of, pair_of, since_of
from tests.run.test_folder import NEITHER
from tests.tiny_models import CORPUS

# Drafts of a model with random weights are all dropped, so it should write few.
SHORT = {
    "prompt.questions_per_sentence": "1", "prompt.question_tokens": "4", "prompt.answer_tokens": "4",
    "evaluation.long_answer_tokens": "4", "evaluation.questions": "2", "documents.passage_tokens": "64",
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, folders: Callable[[str], Path], asked_little: None) -> SmallAdapt:
    made = SmallAdapt(tmp_path_factory.mktemp("small"), folders("llama"))
    rows = [("Who keeps the keys of the hall?", "other.txt"), ("Who runs the workshop?", "guide.md")]
    made.questions = made.write("questions", *({"question": q, "answers": ["Ada"], "document": d} for q, d in rows))
    return made


@pytest.fixture(autouse=True)
def _cache_again(monkeypatch: pytest.MonkeyPatch, small: SmallAdapt) -> None:
    monkeypatch.setenv("DISC_LITE_CACHE", str(small.root / "cache"))


@pytest.fixture(scope="module")
def first(small: SmallAdapt) -> Path:
    """A finished run on two documents."""
    small.adapt(small.root / "first", **SHORT)
    return small.root / "first"


@pytest.fixture(scope="module")
def docs(small: SmallAdapt, first: Path) -> Path:
    """The same folder later: one document is new, one has changed and lost a passage, one is unchanged."""
    docs = small.root / "later"
    shutil.copytree(small.root / "docs", docs)
    (docs / "guide.md").write_text(CORPUS[:180].replace("eight", "nine"))
    (docs / "boats.txt").write_text(BOATS)
    return docs


def updated(docs: Path, run: Path, output: Path, listener: Any = None, **changes: str) -> dict[str, Any]:
    return adapt(docs, update=run, output=output, device="cpu", overrides=changes, listener=listener)


@pytest.fixture(scope="module")
def second(docs: Path, first: Path, small: SmallAdapt) -> Path:
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    updated(docs, first, small.root / "second", **{"update.removed": "unlearn"})
    after = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    assert {path for path in before if before[path] != after.get(path)} <= {first / ".lock"}
    assert before.keys() == after.keys()
    return small.root / "second"


def test_what_is_unchanged_is_taken_over_and_nothing_else(second: Path, first: Path) -> None:
    record, states = RunFolder(second).read_update(), RunFolder(second).read_states()
    assert record["passages"] == {"unchanged": 1, "changed": 1, "new": 1, "removed": 3}
    assert states == ["new", "changed", "unchanged"]
    kept = [row for row in read_jsonl(second / "pairs.jsonl") if row["document"] == "other.txt"]
    assert kept == [row for row in read_jsonl(first / "pairs.jsonl") if row["document"] == "other.txt"]
    assert kept
    assert read_json(second / "pairs.json")["kept"] == len(kept)


def test_the_readme_of_a_run_names_every_file_that_tells_what_documents_say(second: Path) -> None:
    folder = RunFolder(second)
    asked = {q.text for q in (*folder.read_questions(), *folder.read_questions_removed())}
    asked |= {pair.question for pair in folder.read_pairs()} | {row["question"] for row in folder.read_removed()}
    not_text = [*readme.NAMES, *NEITHER]
    files = [folder.path / entry.name for entry in not_text if (folder.path / entry.name).is_file()]
    assert asked and len(files) > 10
    assert [path.name for path in files if any(text in path.read_text() for text in asked)] == []


def test_the_model_and_the_recipe_are_those_of_the_run(second: Path, first: Path) -> None:
    assert read_json(second / "run.json")["model"] == read_json(first / "run.json")["model"]
    was, now = (read_earlier(run).recipe for run in (first, second))
    assert now.model_copy(update={"update": was.update}) == was
    assert now.update.removed == "unlearn"


def test_the_card_shows_what_is_unchanged_changed_new_and_gone_apart(second: Path) -> None:
    card = read_json(second / "summary.json")["card"]["update"]
    assert list(card["rows"]) == ["unchanged", "changed", "new", "removed"]
    assert {state: row["adapted"]["of"] for state, row in card["rows"].items() if row["adapted"]["of"]} == {
        "unchanged": 1, "removed": 1,
    }  # fmt: skip
    assert card["rows"]["unchanged"]["earlier"]["of"] == card["rows"]["unchanged"]["ceiling"]["of"] == 1


def test_the_bases_answers_are_looked_up_and_not_generated_again(second: Path, first: Path) -> None:
    before = read_json(first / "retained_before.json")
    assert read_json(second / "retained_before.json") == before
    keys = [json.loads(line.split(" ", 1)[1])[0] for line in (first / "journal.txt").read_text().splitlines()]
    again = (second / "journal.txt").read_text()
    assert sum(key in again for key in keys) >= 20  # at least the instructions and neutral prompts


def test_it_starts_from_the_adapter_of_the_run_or_from_a_new_one(first: Path, load: Callable[..., Any]) -> None:
    saved = load_file(first / "adapter" / "adapter_model.safetensors")
    for start in ("adapter", "new"):
        base, recipe = load("llama"), recipe_of(update={"start": start}, lora={"rank": 4, "alpha": 8})
        attach_adapter(SimpleNamespace(base=base, recipe=recipe, inputs=SimpleNamespace(earlier=read_earlier(first))))
        found = state_of(base.model)
        assert all(torch.equal(saved[name], found[name]) for name in saved) == (start == "adapter")
        assert start == "adapter" or not any(tensor.any() for name, tensor in found.items() if "lora_B" in name)
        assert all(parameter.requires_grad for parameter in base.adapter_parameters().values())
    with pytest.raises(EnvironmentNotReady, match="cannot be loaded"):
        load("llama", rank=8).start_from(first / "adapter")


def test_an_interrupted_update_is_continued_to_the_same_adapter(
    first: Path, docs: Path, second: Path, small: SmallAdapt
) -> None:
    def stop(event: Any) -> None:
        if event.stage == "training" and event.done == 2:
            raise Interrupted(15)

    run, policy = small.root / "again", {"update.removed": "unlearn"}
    with pytest.raises(Interrupted):
        updated(docs, first, run, stop, **policy)
    updated(docs, first, run, **policy)
    assert adapter_sha256(run) == adapter_sha256(second)
    with pytest.raises(UsageError, match="another run") as refused:  # another update is another run
        updated(docs, second, run, **policy)
    assert "update" in refused.value.why


def test_an_update_of_an_update(second: Path, docs: Path, small: SmallAdapt) -> None:
    more = small.root / "more"
    shutil.copytree(docs, more)
    (more / "hall.txt").write_text("The hall has nine windows. Each of them faces the lake. Nobody opens them.")
    summary = updated(more, second, small.root / "third", **{"update.removed": "drop"})
    counts = summary["card"]["update"]["passages"]
    assert counts == {"unchanged": len(RunFolder(second).read_passages()), "changed": 0, "new": 1, "removed": 0}
    before = read_json(small.root / "third" / "update.json")["taught_before"]
    assert [(row["name"], row["removed"]) for row in before] == [
        ("guide.md", "drop")
    ]  # no pair was about its first version
    kept = read_jsonl(small.root / "third" / "pairs.jsonl")
    assert [row for row in kept if row["document"] != "hall.txt"] == read_jsonl(second / "pairs.jsonl")


def test_where_nothing_has_changed_nothing_is_trained(first: Path, small: SmallAdapt) -> None:
    found = updated(small.root / "docs", first, small.root / "nothing")
    assert found["nothing_to_teach"].startswith(f"Nothing has changed since {first}")
    assert found["adapter"] == str(first / "adapter")
    where = {"update": first, "output": small.root / "nothing", "device": "cpu"}
    assert adapt(small.root / "docs", **where, pairs_only=True) == found  # no pairs were written
    assert not (small.root / "nothing").exists()


def test_what_is_only_gone_is_something_to_teach_where_it_is_unlearned(first: Path, small: SmallAdapt) -> None:
    earlier = read_earlier(first)
    place = {"document": earlier.passages[-1][0], "passage": places_of(earlier.passages)[-1][1]}
    earlier = replace(earlier, pairs=({**place, "question": "Who?", "answer": "Ada.", "source": "Ada goes."},))
    since = since_of(earlier, earlier.passages[:-1])
    for removed, start, idle in (
        ("drop", "adapter", True), ("rehearse", "adapter", True), ("rehearse", "new", True),
        ("unlearn", "adapter", False), ("drop", "new", False), ("unlearn", "new", False),
    ):  # fmt: skip
        said = nothing_to_teach(since, recipe_of(update={"removed": removed, "start": start}))
        assert bool(said) == idle, (removed, start)
        assert not said or "; 1 of its passages is gone, and" in said
    # What was removed in an earlier update and rehearsed since can be unlearned now, though nothing has changed.
    rehearsed = {"shown": "x", "question": "Who?", "answer": "Ada."}
    same = since_of(replace(earlier, pairs=(), removed=(rehearsed,)), earlier.passages)
    for removed in ("drop", "rehearse", "unlearn"):
        said = nothing_to_teach(same, recipe_of(update={"removed": removed}))
        assert said.startswith("Nothing has changed") == (removed != "unlearn")


# -- what is taken over, and what is taught -------------------------------------------------------------


def test_a_run_says_which_of_its_documents_are_called_by_their_files(
    tmp_path: Path, plain: Callable[[str], Any]
) -> None:
    tokens = plain("llama").tokens

    def texts(*names: str) -> Any:
        return tokenise([document(name, BOATS) for name in names], tokens, 64)

    earlier = earlier_of(tmp_path, [], [])
    earlier.folder.write_passages(texts("boats.txt"))
    earlier = replace(earlier, passages=tuple(earlier.folder.read_passages()))
    for names in [("two_boats.txt",), ("boats.txt", "two_boats.txt")]:
        now = texts(*names)
        changes = earlier.changes_to(now)
        assert changes.unchanged == {(names[0], 0)}


def test_what_is_taken_over_and_what_is_new_do_not_contradict_each_other() -> None:
    kept = [
        {**pair_of("a.md", 0, "Who leads it?", source), "answer": "Ada Brink."} for source in ("Ada Brink does.", "")
    ]
    fresh = [
        ("b.md", "Ulla Moor.", "Ulla Moor does."),
        ("c.md", "Ina Lund.", "Nobody does."),
        ("c.md", "Ada Brink.", ""),
    ]
    written = PairSet(tuple(
        ScoredPair(DraftedPair(Pair(document, 0, "Who leads it?", answer, source), Request(0, "plain")), 0, 0, 0)
        for document, answer, source in fresh
    ), {"not a question": 2}, None)  # fmt: skip
    left, new = agreeing(kept[:1], replace(written, scored=written.scored[:2]))
    assert (left, new.scored, new.dropped) == ([], (), {"not a question": 2, CONTRADICTED: 2})
    left, new = agreeing(kept[:1], replace(written, scored=written.scored[1:]))  # a pair that a person wrote is trusted
    assert (left, new.scored, new.dropped) == (kept[:1], written.scored[2:], {"not a question": 2, CONTRADICTED: 1})
    left, new = agreeing(kept, written)
    assert (left, new.scored) == (kept, written.scored[2:])


def test_questions_go_with_their_passage(tmp_path: Path) -> None:
    passages = [("a.md", "# A\n\nThe saw is red."), ("a.md", BOATS), ("b.md", "# B\n\nThe hall is cold in May.")]
    questions = (
        Question("What is red?", ("saw",), "a.md", passage_index=0),
        Question("Who rows?", ("Ada Brink",), "a.md", passage_index=1),
        Question("When is it cold?", ("May",)),  # a user's question that names no document
        Question("What is cold?", ("hall",), "b.md"),
    )
    earlier = earlier_of(tmp_path, [], passages, questions=questions)
    now = [("new.md", BOATS), passages[2]]
    kept, removed = kept_questions(since_of(earlier, now))
    assert removed == [questions[0]]
    assert kept == [Question("Who rows?", ("Ada Brink",), "new.md", passage_index=0), *questions[2:]]


def test_thousands_of_questions_are_not_each_compared_with_thousands_of_passages(tmp_path: Path) -> None:
    passages = [(Counted(f"{n}.md"), f"Boat {n} is green.") for n in range(300)]
    asked = tuple(Question("What is green?", ("Boat",), name, passage_index=0) for name, _ in passages)
    since = since_of(earlier_of(tmp_path, [], passages, questions=asked), [])
    assert names_compared(kept_questions, since) < 30 * len(passages)


def test_what_is_still_rehearsed_is_still_asked_about(tmp_path: Path, plain: Callable[[str], Any]) -> None:
    """If documents are added one by one, no run names the earlier ones, but questions about each of them are asked."""
    texts = tokenise([document_of(BOATS, "now.md")], plain("llama").tokens, 256)
    (passage,) = texts[0].passages
    gone, back = {**pair_of("old.md", 1, "Who?"), "shown": "The hall is cold."}, pair_of("was.md", 0, "Who rows?")
    back["shown"] = f" {texts[0].passage_text(passage)} "
    questions = (Question("What is cold?", ("hall",), "old.md", passage_index=1), Question("Who rows?", ("Ada",), "was.md", passage_index=0))  # fmt: skip
    earlier = earlier_of(tmp_path, [], [], removed=(gone, dict(gone), back), questions_removed=questions)
    assert questions_still_gone(earlier, texts) == ([questions[0]], 1)


def test_answers_of_the_run_are_found_by_their_question(first: Path) -> None:
    earlier = read_earlier(first)
    answers = read_json(first / "after.json")["questions"]["adapted"]
    assert earlier_answers(earlier) == {q.text: a for q, a in zip(earlier.questions, answers, strict=True)}


def test_unlearning_teaches_what_the_base_says_itself(load: Callable[..., Any]) -> None:
    base = load("llama", rank=4, b=0.5)
    rows = [
        pair_of("a.md", 0, "Who runs the saw?"),
        pair_of("a.md", 0, "Who runs the saw?"),
        pair_of("a.md", 0, "Who?"),
    ]
    lessons = unlearning(base, rows, recipe_of(prompt={"answer_tokens": 6}))
    assert len(lessons) == 2  # each question once
    for lesson, question in zip(lessons, ("Who runs the saw?", "Who?"), strict=True):
        (example,), (teacher,) = lesson.examples, lesson.sequence
        prompt = base.tokens.prompt(question)
        assert teacher.input_ids == example.input_ids
        assert list(example.input_ids[: len(prompt)]) == prompt
        ids = torch.tensor([example.input_ids])
        with base.frozen(adapter=False) as model, torch.no_grad():
            best = model(input_ids=ids).logits[0].argmax(-1).tolist()
        assert [best[p] for p in example.compared] == list(example.target_ids)


@pytest.mark.parametrize("method", METHODS)
def test_as_much_is_read_as_is_rehearsed_in_all_epochs(plain: Callable[[str], Any], method: str) -> None:
    from disc_lite.distillation.methods import build_lessons

    tokens, recipe = plain("llama").tokens, recipe_of(method=method, seed=3)
    texts = tokenise([document_of(CORPUS * 3)], tokens, 48)
    pairs = [Pair("guide.md", n % len(texts[0].passages), f"Who keeps key {n}?", "Ada.") for n in range(40)]
    every = build_lessons(texts, pairs, tokens, recipe)
    for number in (10, 1000):
        found = _sampled(every, number, recipe)
        assert all(example.rehearsed for example in found.examples)
        assert len(found.examples) <= number + 1
        sizes = {kind: sum(len(x.examples) for x in lessons) for kind, lessons in found.by_kind.items()}
        if len(sizes) > 1:
            half = 0.5 * sum(example.kind == "disc" for example in every.examples)
            most = max(sizes["prompt"], half if number == 1000 else 0)  # as in an epoch with a share of one half
            assert sizes["disc"] == pytest.approx(most, abs=1)
        if number == 1000:
            assert max(sizes.values()) >= min(40, len(every.examples))
        whole = {kind: sum(len(x.examples) for x in lessons) for kind, lessons in every.by_kind.items()}
        assert sizes == rehearsed_examples(whole, number, recipe.disc.share)


def test_pairs_of_several_runs_and_files_are_taken_together_each_once(
    first: Path, small: SmallAdapt, tmp_path: Path
) -> None:
    own = RunFolder(first).read_pairs()
    other = small.write("others", {"document": "other.txt", "passage": 0, "question": "Who rows?", "answer": "Ada."})
    assert pairs_of([first, first / "pairs.jsonl", other]) == (*own, Pair("other.txt", 0, "Who rows?", "Ada."))
    assert pairs_of([first]) == own != ()
    assert pairs_of(()) == ()
    with pytest.raises(UsageError, match="has no pairs"):
        pairs_of([first, tmp_path])


def test_pairs_of_ones_own_are_about_what_is_new_or_changed(docs: Path, first: Path, small: SmallAdapt) -> None:
    boats = {"document": "boats.txt", "passage": 0, "question": "Who rows the smaller boat?", "answer": "Ada Brink."}
    old = {"document": "other.txt", "passage": 0, "question": "What else is there?", "answer": "A hall."}
    output, named = small.root / "by hand", [first, small.write("old", old)]
    with pytest.raises(UsageError, match="None of the pairs is about what is new or changed"):
        adapt(docs, update=first, output=output, device="cpu", pairs=named[1])
    summary = adapt(
        docs, update=first, output=small.root / "own", device="cpu", pairs=[*named, small.write("new", boats)]
    )
    kept = [row for row in read_jsonl(first / "pairs.jsonl") if row["document"] == "other.txt"]
    rows = read_jsonl(small.root / "own" / "pairs.jsonl")
    assert rows[: len(kept)] == kept
    assert "Who rows the smaller boat?" in [row["question"] for row in rows[len(kept) :]]
    assert {row["document"] for row in rows[len(kept) :]} <= {"boats.txt", "guide.md"}
    assert summary["pairs"]["dropped"]["about what is unchanged"] == 1  # without those that the run has too


def test_a_kept_question_of_the_model_gives_way_to_a_given_pair() -> None:
    asked = [
        Question("Who rows?", ("Ada",), passage_index=0),
        Question("Who rows?", ("Ada",)),
        Question("Who?", ("Bo",), passage_index=1),
    ]
    given = [Pair("boats.txt", 0, "who rows", "Ada.")]
    assert without_asked(asked, given, recipe_of()) == asked[1:]


def test_settings_of_updates_are_no_part_of_other_runs(small: SmallAdapt, first: Path) -> None:
    summary = read_json(first / "summary.json")
    assert small.adapt(first, **SHORT, **{"update.rehearse": "9"}) == summary
    assert SMALL.keys().isdisjoint({"update.rehearse"})
