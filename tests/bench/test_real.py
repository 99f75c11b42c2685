"""The bench of real models: its corpus, its clock, its tables, and one small run of it."""

import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.real.__main__ import QUICK, main, read_results, save
from bench.real.clock import StageClock, read_measured
from bench.real.runs import CORPUS, LANGUAGES, ORDER, TAGS, Measured, Plan, measure, measure_apart, tags_of
from bench.real.tables import label_runs, markdown
from disc_lite.documents import read_documents
from disc_lite.errors import RunFailed
from disc_lite.qa import NearDuplicates, normalise, read_pairs, read_questions
from disc_lite.recipe import load_recipe

ROOT = Path(__file__).resolve().parents[2]
DOMAINS = sorted(path.name for path in CORPUS.iterdir() if path.is_dir())


# -- the corpus ------------------------------------------------------------------------------------------


def test_there_is_a_corpus_for_six_domains_and_two_other_languages() -> None:
    english = ["api-reference", "biomedical", "handbook", "legal", "news", "personal-notes"]
    assert sorted(set(DOMAINS) - set(LANGUAGES)) == english
    assert len(list(CORPUS.iterdir())) == 16


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_corpus_contains_the_answers_of_its_tags(domain: str) -> None:
    documents, ledger = read_documents([CORPUS / domain])
    texts = {d.name: d.text.lower() for d in documents}
    assert [entry.outcome for entry in ledger] == ["read"] * len(texts)
    in_english = domain not in LANGUAGES
    assert (4 if in_english else 2) <= len(texts) <= 8
    path = CORPUS / f"{domain}.questions.jsonl"
    asked, tags = read_questions(path), tags_of(path)
    assert len(asked) == len(tags) >= (20 if in_english else 15)  # so no question stands twice
    assert set(tags.values()) <= set(TAGS)
    assert Counter(tags.values())["two"] >= 4 or not in_english
    assert {q.document for q in asked} == set(texts)
    for question in asked:
        text, tag = texts[question.document], tags[question.text]
        if tag != "two":
            assert any(answer.lower() in text for answer in question.answers), question
        said = f" {normalise(question.text)} "
        assert not [answer for answer in question.answers if f" {normalise(answer)} " in said], question


@pytest.mark.parametrize(("domain", "number"), [("handbook", 882), ("biomedical", 240), ("personal-notes", 312)])
def test_the_pairs_by_hand_stand_in_their_documents_and_ask_nothing_that_is_held_out(domain: str, number: int) -> None:
    pairs = read_pairs(CORPUS.parent / "pairs" / f"{domain}.jsonl")
    documents, _ = read_documents([CORPUS / domain])
    texts = {d.name: " ".join(d.text.split()) for d in documents}
    assert len(pairs) == len({p.question for p in pairs}) == number
    assert all(" ".join(pair.source.split()) in texts[pair.document] for pair in pairs)
    held_out = NearDuplicates([q.text for q in read_questions(CORPUS / f"{domain}.questions.jsonl")], 0.8)
    assert sum(held_out.near(pair.question) for pair in pairs) <= 2  # which a run drops


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_domain_has_its_recipe(domain: str) -> None:
    recipe = Plan("tiny", domain, "prompt", Path("runs")).recipe
    assert load_recipe(recipe, QUICK).recipe.train.epochs == int(QUICK["train.epochs"])
    assert load_recipe(recipe).recipe.name == recipe == (domain if domain not in LANGUAGES else "handbook")


# -- the clock -------------------------------------------------------------------------------------------


def ticking(path: Path, events: list[tuple[float, str]], end: float, **more: Any) -> StageClock:
    """A clock that is told events at given seconds."""
    at = [0.0]
    clock = StageClock(path, {"machine": "abacus", "date": more.pop("date", "1")}, now=lambda: at[0], **more)
    for at[0], stage in events:
        clock(SimpleNamespace(stage=stage))
    at[0] = end
    clock.close()
    return clock


def test_time_goes_to_the_stage_that_took_it(tmp_path: Path) -> None:
    events = [(1.0, "model"), (3.0, "documents"), (10.0, "retention"), (30.0, "retention"), (70.0, "questions"),
              (71.0, "evaluation"), (91.0, "evaluation"), (141.0, "teacher"), (144.0, "teacher"), (150.0, "training"),
              (200.0, "training"), (202.0, "evaluation")]  # fmt: skip
    seen: list[str] = []
    ticking(tmp_path / "a.json", events, 260.0, on_stage=seen.append)
    found = read_measured(tmp_path / "a.json")
    # Loading is told before it is done, as is what is asked; a batch, a pair and a step when they are done.
    assert found["seconds"] == {
        "model": 3.0, "retention": 27.0, "questions": 41.0, "evaluation": 70.0 + 58.0, "teacher": 3.0, "training": 58.0,
    }  # fmt: skip
    assert sum(found["seconds"].values()) == 260.0
    assert seen == ["model", "documents", "retention", "questions", "evaluation", "teacher", "training", "evaluation"]


def test_a_resumed_run_adds_and_a_finished_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    ticking(path, [(1.0, "model"), (2.0, "retention")], 4.0)
    ticking(path, [(1.0, "model"), (9.0, "training")], 9.0, date="2")
    found = read_measured(path)
    assert found["seconds"] == {"model": 2.0 + 9.0, "retention": 2.0, "training": 0.0}
    assert [call["date"] for call in found["calls"]] == ["1", "2"]
    ticking(path, [], 100.0, date="3")
    assert read_measured(path) == found
    ticking(path, [(5.0, "model")], 6.0, fresh=True)
    assert read_measured(path)["seconds"] == {"model": 6.0}


def test_a_killed_run_leaves_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    at = [0.0]
    clock = StageClock(path, {}, now=lambda: at[0])
    for at[0] in (1.0, 12.0, 13.0):
        clock(SimpleNamespace(stage="training"))
    assert read_measured(path)["seconds"] == {"training": 12.0}


# -- the tables ------------------------------------------------------------------------------------------


def counts(right: int, of: int) -> dict[str, Any]:
    return {"right": right, "of": of, "share": right / of if of else 0.0, "low": 0.0, "high": 1.0, "f1": right / 100}


def made_up(method: str, domain: str = "news", adapted: int = 18, digest: str = "00000000", **more: Any) -> Measured:
    rows = {"floor": counts(1, 30), "rag": counts(20, 30), "ceiling": counts(24, 30),
            "adapted": counts(adapted, 30), "adapted_rag": counts(21, 30)}  # fmt: skip
    summary: dict[str, Any] = {
        "card": {
            "rows": rows,
            "retained": {"instructions": {"before": counts(40, 65), "after": counts(38, 65), "lost": 6, "gained": 4},
                     "answers that stop": {"before": counts(90, 100), "after": counts(95, 100)}},
            "drift": {"general": 0.0123, "self_generated": 0.0456},
            "completions": {"before": counts(0, 0), "after": counts(0, 0)},
        },
        "pairs": {"accepted": 71, "dropped": {"not a question": 28, "near-duplicate": 3}, "coverage": 0.93},
        "steps": 137, "skipped_steps": 1, "stopped_at": None, "loss": {"first": 1.1, "last": 0.25},
        "peak_bytes": 3 << 29, "versions": {"disc-lite": "0.1.0", "torch": "2.13.0"},
    }  # fmt: skip
    tags = {"once": {row: counts(n, 19) for row, n in (("floor", 0), ("rag", 9), ("adapted", 12), ("ceiling", 17))},
            "update": {row: counts(n, 5) for row, n in (("floor", 1), ("rag", 2), ("adapted", 4), ("ceiling", 3))}}  # fmt: skip
    call = {"machine": "Abacus 9", "cores": 2, "commit": "0123456789abcdef with changes", "date": "2031-02-03"}
    made = Measured(
        "tiny", domain, method, f"tiny-{domain}-{method}-{digest}", 7, False, {}, "", summary, tags,
        {"model": 2.0, "questions": 120.4, "training": 300.0}, [call],
    )  # fmt: skip
    return replace(made, **more)


def cells(text: str, name: str) -> list[str]:
    """The cells of the first row of that name."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return next(row[1:] for row in rows if row[0] == name)


def test_a_table_has_methods_beside_each_other() -> None:
    nothing = {"accepted": 0}
    disc = made_up("disc", adapted=6)
    disc = replace(disc, summary={**disc.summary, "pairs": nothing, "loss": {}}, seconds={"teacher": 5.0})
    text = markdown([disc, made_up("both")])
    assert text.startswith("# Real model: tiny\n")
    assert "Quick" not in text
    assert cells(text, "") == ["both", "disc"]  # in the order of the methods
    assert cells(text, "adapted") == ["18 of 30, 60.0% (42% to 75%), F1 0.18", "6 of 30, 20.0% (10% to 37%), F1 0.06"]
    assert cells(text, "RAG")[0].startswith("20 of 30, 66.7%")
    assert cells(text, "adapted / ceiling") == ["75%", "25%"]
    assert cells(text, "once: floor → adapted (ceiling)") == ["0 → 12 of 19 (17)"] * 2
    assert cells(text, "update: floor → adapted (ceiling)") == ["1 → 4 of 5 (3)"] * 2
    assert "twice" not in text
    assert "statements" not in text  # none were asked
    assert cells(text, "instructions") == ["40 → 38 of 65, 6 lost"] * 2
    assert cells(text, "answers that stop") == ["90 → 95 of 100"] * 2
    assert cells(text, "drift, general, nats") == ["0.0123"] * 2
    assert cells(text, "drift, own prompts, nats") == ["0.0456"] * 2
    assert cells(text, "pairs accepted") == ["71", "0"]
    assert cells(text, "dropped: not a question") == ["28", "0"]
    assert cells(text, "coverage") == ["93%", "–"]
    assert cells(text, "steps") == ["137 (1 skipped)"] * 2
    assert cells(text, "loss, first → last") == ["1.100 → 0.250", "–"]
    assert cells(text, "seconds: questions") == ["120", "–"]
    assert cells(text, "seconds: teacher") == ["–", "5"]
    assert cells(text, "seconds") == ["422", "5"]
    assert cells(text, "peak GiB") == ["1.50"] * 2
    where = "Abacus 9, 2 cores, commit 0123456789ab with changes, 2031-02-03; disc-lite 0.1.0, torch 2.13.0; seed 7"
    assert f"- both, disc: {where}\n" in text


def test_statements_and_a_training_that_went_back_are_in_the_table() -> None:
    run = made_up("both")
    finished = {"completions": {"before": counts(1, 10), "after": counts(8, 10)}}
    more = {"card": {**run.summary["card"], **finished},
            "stopped_at": {"adapter_step": 60, "kl": 0.2, "step": 66, "max_kl": 0.1}}  # fmt: skip
    text = markdown([replace(run, summary={**run.summary, **more})])
    assert cells(text, "statements") == ["1 → 8 of 10"]
    assert cells(text, "steps") == ["137 (1 skipped; back to 60, drift 0.200)"]


def test_all_domains_are_counted_together() -> None:
    text = markdown([made_up("both"), made_up("both", "legal", adapted=12), made_up("disc", adapted=3)])
    assert text.index("## legal") < text.index("## news") < text.index("## All domains")
    over_all = text[text.index("## All domains") :]
    assert cells(over_all, "") == ["both, 2 domains"]
    assert cells(over_all, "adapted")[0].startswith("30 of 60, 50.0% (38% to 62%), F1 0.15")
    assert cells(over_all, "adapted / ceiling") == ["62%"]
    assert cells(over_all, "once: floor → adapted (ceiling)") == ["0 → 24 of 38 (34)"]
    assert "## All domains" not in markdown([made_up("both"), made_up("disc")])


def test_runs_of_other_settings_have_a_column_of_their_own() -> None:
    changed = made_up("both", digest="11111111", adapted=24, overrides={"train.epochs": "9"})
    found = [made_up("both"), changed, made_up("both", "legal"), made_up("sft", pairs="pairs.jsonl")]
    assert {k: len(v) for k, v in label_runs(found).items()} == {"both 00000000": 2, "both 11111111": 1, "sft": 1}
    text = markdown(found)
    assert "- both 11111111: tiny-news-both-11111111; train.epochs=9\n" in text
    assert "- sft: tiny-news-sft-00000000; pairs of pairs.jsonl\n" in text


def test_a_failed_run_is_named_and_not_counted() -> None:
    failed = made_up("prompt", summary={}, tags={}, failed="There is nothing to learn.")
    text = markdown([made_up("both"), failed])
    assert cells(text, "") == ["both"]
    assert "- prompt **failed**: There is nothing to learn.\n" in text
    assert "**failed**" in markdown([failed])


def test_results_keep_other_runs_and_print_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "real-model-0.5b"  # the dot is no ending
    for run in (made_up("both", adapted=3), made_up("disc", quick=True), made_up("both", adapted=9)):
        save(run, target)
    path = tmp_path / "real-model-0.5b.json"
    assert read_results(path) == [made_up("disc", quick=True), made_up("both", adapted=9)]
    assert main(["--table", str(path)]) == 0
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "real-model-0.5b.md").read_text()
    assert "# Real model: tiny, quick\n\n**Quick: fewer of everything" in printed
    assert cells(printed[printed.index("# Real model: tiny\n") :], "adapted")[0].startswith("9 of 30")


# -- the command -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--model or --table"),
        (["--model", "pocket", "--domain", "cooking"], "invalid choice"),
        (["--model", "pocket", "--set", "method=disc"], "--method"),
        (["--model", "pocket", "--pairs", "nowhere.jsonl"], "no file nowhere.jsonl"),
        (["--model", "pocket", "--pairs", __file__], "--domain"),
        (["--model", "pocket", "--document", "travel.md"], "--domain"),
        (["--model", "pocket", "--document", "travel.md", "--domain", "news"], "--domain"),
        (["--model", "pocket", "--pairs", __file__, "--domain", "news", "--method", "disc"], "both, prompt, sft"),
    ],
)
def test_a_wrong_command_is_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(arguments, run=lambda plan: pytest.fail("it began"))
    assert error.value.code == 2
    assert message in capsys.readouterr().err


def test_what_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plans: list[Plan] = []

    def run(plan: Plan) -> Measured:
        plans.append(plan)
        return made_up(plan.method, plan.domain, run=plan.name, quick=plan.quick, failed="x" if plan.quick else "")

    given = ["--model", "pocket", "--results", str(tmp_path / "r"), "--device", "cpu"]
    assert main(given, run=run) == 0
    assert [(p.domain, p.method) for p in plans] == [(d, m) for d in DOMAINS for m in ORDER]
    assert len({p.name for p in plans}) == len(DOMAINS) * len(ORDER)
    assert plans[0].name.startswith("pocket-api-reference-both-")
    assert {p.device for p in plans} == {"cpu"}
    assert capsys.readouterr().out == (tmp_path / "r.md").read_text()
    plans.clear()
    assert main([*given, "--quick", "--set", "train.epochs=2"], run=run) == 1  # for it failed
    assert [(p.domain, p.method, p.quick) for p in plans] == [("handbook", "prompt", True)]
    assert plans[0].overrides == {**QUICK, "train.epochs": "2"}


def test_the_name_of_a_run_follows_from_what_it_is(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("a")
    plan = Plan("owner/Name-0.5B", "news", "both", tmp_path)
    assert re.fullmatch(r"Name-0.5B-news-both-[0-9a-f]{8}", plan.name)
    assert plan.name == replace(plan, model="/elsewhere/Name-0.5B/", device="cuda").name
    others = [
        replace(plan, overrides={"seed": "1"}), replace(plan, pairs=pairs), replace(plan, method="sft"),
        replace(plan, document="world.md"),
    ]  # fmt: skip
    assert len({plan.name, *(p.name for p in others)}) == 5
    before = others[1].name
    pairs.write_text("b")
    assert others[1].name != before
    assert replace(plan, method="disc", pairs=pairs).name == replace(plan, method="disc").name  # it learns from none


def test_one_document_has_the_questions_about_it(tmp_path: Path) -> None:
    plan = Plan("pocket", "news", "prompt", tmp_path, document="world.md")
    assert plan.title == "news/world.md"
    assert plan.documents == CORPUS / "news" / "world.md"
    path = plan.about_document(plan.questions)
    assert path and path != plan.questions
    asked = read_questions(path)
    assert len(asked) == 5 and {question.document for question in asked} == {"world.md"}
    assert replace(plan, document="").about_document(plan.questions) == plan.questions
    assert plan.about_document(plan.pairs) is None


# -- one run ---------------------------------------------------------------------------------------------

SMALL = {
    "documents.passage_tokens": "96", "prompt.questions_per_passage": "1", "prompt.question_tokens": "16",
    "prompt.answer_tokens": "8", "retention.prompts": "8", "retention.prompt_tokens": "16",
    "retention.answer_tokens": "16", "train.epochs": "1", "train.tokens_per_batch": "1331", "lora.rank": "4",
    "evaluation.answer_tokens": "8", "evaluation.long_answer_tokens": "4", "evaluation.drift_prompts": "4",
    "evaluation.rag_passages": "1", "memory.quantize": "none",
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The handbook, cut to one document."""
    root = tmp_path_factory.mktemp("corpus")
    (root / "handbook").mkdir()
    shutil.copy(CORPUS / "handbook" / "travel.md", root / "handbook")
    rows = (CORPUS / "handbook.questions.jsonl").read_text().splitlines()
    about_it = [row for row in rows if json.loads(row)["document"] == "travel.md"]
    (root / "handbook.questions.jsonl").write_text("\n".join(about_it) + "\n")
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Pocket's weights as any model's: without its 1,600 probes and its own recipe."""
    folder = tmp_path_factory.mktemp("models") / "small-0.1b"
    shutil.copytree(ROOT / "disc_lite" / "pocket", folder, ignore=shutil.ignore_patterns("probes.json", "__pycache__"))
    return str(folder)


@pytest.mark.usefixtures("asked_little")
def test_one_domain_and_method(corpus: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Pocket as any other model would write none that is accepted. Every 16th has 11 about travel.md.
    pairs = tmp_path / "pairs.jsonl"
    by_hand = (CORPUS.parent / "pairs" / "handbook.jsonl").read_text().splitlines()
    pairs.write_text("\n".join(by_hand[::16]) + "\n")
    given = ["--model", model, "--method", "both", "--pairs", str(pairs), "--document", "travel.md"]
    given += ["--output", str(tmp_path / "runs"), "--results", str(tmp_path / "r")]
    given += [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]
    assert main(given, corpus, measure) == 0
    (first,) = read_results(tmp_path / "r.json")
    asked = tags_of(corpus / "handbook.questions.jsonl")
    assert {tag: rows["adapted"]["of"] for tag, rows in first.tags.items()} == Counter(asked.values())
    rows = first.summary["card"]["rows"]
    for row in ("floor", "rag", "ceiling", "adapted", "adapted_rag"):
        assert sum(of_tag[row]["right"] for of_tag in first.tags.values()) == rows[row]["right"]
    assert first.summary["recipe"] == "handbook"
    assert first.summary["method"] == "both"
    assert set(first.seconds) >= {"model", "retention", "questions", "evaluation", "teacher", "training"}
    assert sum(first.seconds.values()) >= first.summary["seconds"] - 1
    assert [call["cores"] for call in first.calls] and first.calls[0]["machine"]
    assert str(tmp_path) not in (tmp_path / "r.json").read_text()  # no path of this machine
    assert not {"misses", "farthest"} & set(first.summary["card"])
    printed = capsys.readouterr().out
    assert f"{first.run}: training\n" in printed
    assert "instructions" in printed and "of 10" in printed
    # Finished, it is read and not run again, in a process of its own as well.
    plan = Plan(model, "handbook", "both", tmp_path / "runs", SMALL, pairs=pairs, corpus=corpus, document="travel.md")
    assert plan.name == first.run
    assert measure_apart(plan) == first


def test_a_run_that_fails_is_a_result(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import disc_lite

    def adapt(*given: Any, listener: Any, **more: Any) -> None:
        listener(SimpleNamespace(stage="model"))
        raise RunFailed("The loss is not finite.", "For a reason.")

    monkeypatch.setattr(disc_lite, "adapt", adapt, raising=False)
    found = measure(Plan("pocket", "handbook", "both", tmp_path, {"seed": "5"}, corpus=corpus))
    assert found.failed == "The loss is not finite. For a reason."
    assert (found.summary, found.tags, found.seed) == ({}, {}, 5)
    assert list(found.seconds) == ["model"]
