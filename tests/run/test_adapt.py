"""A small real adaptation of pocket: it learns its documents, other programs can load it, and `eval` examines it."""

import json
import shutil
import sys
import zipfile
from pathlib import Path
from subprocess import run as command
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

import disc_lite
from disc_lite.chat.opening import ask, open_adapted
from disc_lite.cli import main
from disc_lite.errors import EnvironmentNotReady, UsageError
from disc_lite.evaluation.asking import answer
from disc_lite.evaluation.card import MANNER
from disc_lite.exporting import export
from disc_lite.models import load_base
from disc_lite.qa import is_right, normalise
from disc_lite.run import asking, evaluate
from disc_lite.run.finished import open_run
from disc_lite.run.folder import RunFolder
from disc_lite.run.plan import plan
from disc_lite.storage import read_json, read_jsonl, write_json, write_text
from tests.run.test_folder import NEITHER

ROOT = Path(__file__).resolve().parents[2]


def test_it_learns_what_the_documents_say(adapted: dict[str, Any]) -> None:
    rows = adapted["summary"]["card"]["rows"]
    assert rows["floor"]["share"] <= 0.15
    assert rows["ceiling"]["share"] >= 0.8
    assert rows["adapted"]["share"] >= 0.6


def test_it_keeps_most_of_what_it_knew(adapted: dict[str, Any]) -> None:
    retained = adapted["summary"]["card"]["retained"]
    for probe in ("world", "skills", "open_book"):
        assert retained[probe]["after"]["share"] >= retained[probe]["before"]["share"] - 0.25
    assert 0 < adapted["summary"]["card"]["drift"]["self_generated"] < 0.5


def test_every_file_ends_in_the_ledger(adapted: dict[str, Any]) -> None:
    assert adapted["summary"]["documents"] == {"read": 2, "refused": 1, "duplicate": 1, "damaged": 0}
    rows = [json.loads(line) for line in (adapted["root"] / "run" / "ledger.jsonl").read_text().splitlines()]
    assert len(rows) == 4


def test_no_training_pair_is_a_held_out_question(adapted: dict[str, Any]) -> None:
    run = adapted["root"] / "run"
    asked = {normalise(question.text) for question in open_run(run).folder.read_questions()}
    pairs = [json.loads(line) for line in (run / "pairs.jsonl").read_text().splitlines()]
    assert len(pairs) > 20
    assert not asked & {normalise(pair["question"]) for pair in pairs}
    assert all(pair["with_passage"] > pair["without_passage"] for pair in pairs)


def test_the_teacher_reads_every_token_once(adapted: dict[str, Any]) -> None:
    from disc_lite.documents import read_documents
    from disc_lite.models import Tokens

    tokens = Tokens(ROOT / "disc_lite" / "pocket")
    documents, _ = read_documents([adapted["docs"]])
    own = sum(len(tokens.text(d.text)) for d in documents)
    assert adapted["summary"]["teacher_tokens"]["disc"] <= 1.05 * own
    assert adapted["summary"]["teachability"]["mean"] > 0.1


def test_all_stages_have_events(adapted: dict[str, Any]) -> None:
    stages = list(dict.fromkeys(event.stage for event in adapted["events"]))
    assert {"model", "documents", "questions", "retention", "evaluation", "teacher", "training"} == set(stages)
    rows = (adapted["root"] / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["step"] for row in rows] == list(range(1, adapted["summary"]["steps"] + 1))


def test_a_finished_run_is_not_repeated(adapted: dict[str, Any]) -> None:
    before = {p: p.stat().st_mtime_ns for p in adapted["root"].rglob("*")}
    assert disc_lite.adapt(adapted["docs"], "pocket", **adapted["given"]) == adapted["summary"]
    assert {p: p.stat().st_mtime_ns for p in adapted["root"].rglob("*")} == before


def test_a_copied_run_says_where_it_is_now(adapted: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(adapted["root"] / "run", tmp_path / "copy")
    summary = disc_lite.adapt(adapted["docs"], "pocket", **{**adapted["given"], "output": tmp_path / "copy"})
    assert (summary["run"], summary["adapter"]) == (str(tmp_path / "copy"), str(tmp_path / "copy" / "adapter"))


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # from PEFT, about transformers
def test_plain_peft_loads_the_adapter_and_gives_the_same_logits(adapted: dict[str, Any]) -> None:
    """The exported folder, the run's own adapter and the merged model agree."""
    run = open_run(adapted["root"] / "run")
    out = adapted["root"] / "adapter"
    export(run.folder.path, "adapter", out)
    plain = AutoModelForCausalLM.from_pretrained(run.model.folder, dtype=torch.float32)
    ids = torch.tensor([load_base(run.model.folder, "none").tokens.prompt("Who leads Project X?")])
    with torch.no_grad():
        base = plain(ids).logits
        tuned = PeftModel.from_pretrained(plain, str(out)).eval()(ids).logits
    ours = load_base(run.model.folder, "none")
    ours.load_adapter(run.folder.adapter)
    with ours.frozen(adapter=True) as model:
        assert torch.allclose(model(ids).logits, tuned, atol=1e-4)
    assert (tuned - base).abs().max() > 0.1

    merged = adapted["root"] / "merged"
    export(run.folder.path, "merged", merged, onto="original")
    with torch.no_grad():
        together = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32)(ids).logits
    # The merged weights are stored in the base's bf16.
    assert (together - tuned).abs().mean() < 0.1 * (tuned - base).abs().mean()
    for name in ("tokenizer.model", "tokenizer.json", "tokenizer_config.json"):
        assert (merged / name).read_bytes() == (run.model.folder / name).read_bytes()


def test_the_adapted_model_answers(adapted: dict[str, Any], capsys: Any, monkeypatch: Any) -> None:
    run = adapted["root"] / "run"
    given = json.loads((run / "after.json").read_text())["questions"]["adapted"]
    asked = [json.loads(line) for line in (run / "questions.jsonl").read_text().splitlines()]
    asked = [q for q in asked if "question" in q]
    known = next(q for q, g in zip(asked, given, strict=True) if normalise(g) == normalise(q["answers"][0]))
    rows = ask(open_adapted(run), [known["question"]], with_base=True)
    assert normalise(rows[0]["adapted"]) == normalise(known["answers"][0])
    monkeypatch.setattr(sys, "argv", ["disc-lite", "ask", str(run), known["question"]])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    assert capsys.readouterr().out.strip() == rows[0]["adapted"]


def test_a_wheel_works_elsewhere(tmp_path: Path) -> None:
    """It contains the recipes and pocket."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    command([*pip, "-w", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import disc_lite; from disc_lite.recipe import list_recipes; from disc_lite.hub.source import open_model;"
        "print(disc_lite.__file__, len(list_recipes()), open_model('pocket').folder)"
    )
    done = command([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); {code}"],
                   capture_output=True, text=True, check=True, cwd=tmp_path)  # fmt: skip
    where, recipes, folder = done.stdout.split()
    assert where.startswith(str(tmp_path))
    assert folder.startswith(str(tmp_path))
    assert int(recipes) >= 10


def test_files_that_are_said_to_hold_nothing_of_the_documents_hold_nothing(adapted: dict[str, Any]) -> None:
    """In a real run of pocket these files contain no sentence and no name of a document."""
    run = RunFolder(adapted["root"] / "run")
    sentences = [s for row in read_jsonl(run.passages) for s in row["sentences"] if len(s) > 20]
    names = [row["name"] for row in read_jsonl(run.ledger)]
    assert len(sentences) > 10
    for entry in NEITHER:
        path = run.path / entry.name
        if path.is_file():
            text = path.read_text()
            assert [word for word in [*sentences, *names] if word in text] == [], entry.name


def test_a_run_of_pocket_is_as_large_as_planned(adapted: dict[str, Any]) -> None:
    summary, given = adapted["summary"], adapted["given"]
    made = plan(adapted["docs"], "pocket", questions=given["questions"], overrides=given["overrides"], device="cpu")
    assert made.corpus.counted
    assert made.corpus.documents == summary["documents"]["read"]
    assert made.corpus.passages == summary["passages"]
    # Fewer pairs are accepted than wanted.
    assert made.workload.steps >= summary["steps"] > 0.2 * made.workload.steps


# -- the finished run is examined ------------------------------------------------------------------------


def other_questions(adapted: dict[str, Any], path: Path, number: int = 6) -> Path:
    rows = [json.loads(line) for line in (adapted["root"] / "questions.jsonl").read_text().splitlines()]
    rows = [row for row in rows if "question" in row][:number]
    for row in rows[:2]:
        row["choices"] = [*row["answers"], "a tin whistle", "nothing at all"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def cli(monkeypatch: Any, *words: str) -> Any:
    monkeypatch.setattr(sys, "argv", ["disc-lite", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code


def test_the_card_of_a_run_is_read_not_measured_again(adapted: dict[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(evaluate, "load_run", lambda *given: pytest.fail("a model was loaded"))
    assert disc_lite.evaluate(adapted["root"] / "run") == adapted["summary"]["card"]


def test_the_card_of_a_run_has_all_its_rows(adapted: dict[str, Any]) -> None:
    card = adapted["summary"]["card"]
    assert list(card["rows"]) == ["floor", "rag", "ceiling", "adapted", "adapted_rag"]
    assert card["rows"]["adapted"]["right"] > card["rows"]["floor"]["right"]
    assert sum(rows["adapted"]["of"] for rows in card["documents"].values()) == card["questions"]
    assert set(card["retained"]) == {"world", "skills", "open_book", "instructions", *MANNER}
    assert card["drift"]["general"] > 0
    assert card["overlap"]["exact"] == card["overlap"]["near"] == 0
    assert all(miss["passage"] for miss in card["misses"])
    assert card["self_written"] == 0
    pooled = [row for name, row in card["retained"].items() if name not in MANNER]
    assert card["forgetting"]["of"] == sum(row["before"]["right"] for row in pooled)
    assert card["forgetting"]["lost"] == sum(row["lost"] for row in pooled)


def test_other_questions_are_answered_once(adapted: dict[str, Any], tmp_path: Path, monkeypatch: Any) -> None:
    run = tmp_path / "run"
    shutil.copytree(adapted["root"] / "run", run)
    path = other_questions(adapted, tmp_path / "q.jsonl")
    asked: list[int] = []
    spy = lambda base, questions, *more, **how: asked.append(len(questions)) or answer(base, questions, *more, **how)  # noqa: E731
    monkeypatch.setattr(asking, "answer", spy)
    first = disc_lite.evaluate(run, path, judge=True)
    assert first["questions"] == 6
    assert first["retained"] == adapted["summary"]["card"]["retained"]
    assert first["judge"]["of"] + first["judge"]["undecided"] == 6
    count = len(asked)
    assert disc_lite.evaluate(run, path, judge=True) == first
    assert len(asked) == count
    (folder,) = (run / "evaluations").iterdir()
    verdicts = read_json(folder / "judge.json")
    write_json(folder / "judge.json", {"tasks_sha256": "of other answers", "replies": []}, may_differ=True)
    assert disc_lite.evaluate(run, path, judge=True) == first
    assert read_json(folder / "judge.json") == verdicts
    (folder / "after.json").unlink()  # as if the call had been interrupted
    assert disc_lite.evaluate(run, path) == {key: value for key, value in first.items() if key != "judge"}
    assert len(asked) == count + 3  # adapted, adapted + RAG, completions


def test_questions_of_other_documents_are_refused(adapted: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"question": "Who?", "answers": ["me"], "document": "strange.md"}\n')
    with pytest.raises(UsageError, match=r"strange\.md"):
        disc_lite.evaluate(adapted["root"] / "run", path)
    with pytest.raises(UsageError, match="not the folder of a run"):
        disc_lite.evaluate(tmp_path, path)


def test_a_run_without_questions_is_refused(adapted: dict[str, Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(adapted["root"] / "run", run)
    write_text(run / "questions.jsonl", "")
    with pytest.raises(UsageError, match="has no questions"):
        disc_lite.evaluate(run)


def test_the_gates_close(adapted: dict[str, Any], tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    run = tmp_path / "run"
    shutil.copytree(adapted["root"] / "run", run)
    assert cli(monkeypatch, "eval", run, "--json", "--min-recall", "0", "--max-forgetting", "1") == 0
    assert json.loads(capsys.readouterr().out) == adapted["summary"]["card"]
    scores = json.loads((run / "after.json").read_text())
    scores["questions"]["adapted"][0] = "something else"
    write_json(run / "after.json", scores)
    assert cli(monkeypatch, "eval", run, "--min-recall", "1") == 5
    shown = capsys.readouterr()
    assert "less than 100%." in shown.err
    assert "adapted, closed book" in shown.out


def test_a_file_of_statements_alone_is_measured(
    adapted: dict[str, Any], tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    run = tmp_path / "run"
    shutil.copytree(adapted["root"] / "run", run)
    rows = [json.loads(line) for line in (adapted["root"] / "questions.jsonl").read_text().splitlines()]
    rows = [row for row in rows if "completion" in row][:4]
    path = tmp_path / "q.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert cli(monkeypatch, "eval", run, "--questions", path, "--min-recall", "0.01") == 0
    shown = capsys.readouterr().out
    assert "statements, after" in shown
    assert "adapted, closed book" not in shown and "0/0" not in shown and "against" not in shown


def test_benchmarks_without_the_extra_name_the_package(adapted: dict[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    monkeypatch.setattr(evaluate, "load_run", lambda *given: pytest.fail("a model was loaded"))
    with pytest.raises(EnvironmentNotReady, match=r"disc-lite\[eval\]"):
        disc_lite.evaluate(adapted["root"] / "run", benchmarks=["gsm8k"])
    with pytest.raises(UsageError, match=r"no-such\.yaml"):
        evaluate.check_tasks(["no-such.yaml"])


TASK = """task: handbook_local
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs:
  until: ["\\n"]
  do_sample: false
  max_gen_toks: 16
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
    ignore_case: true
    ignore_punctuation: true
filter_list:
  - name: stripped
    filter:
      - function: remove_whitespace
      - function: take_first
"""


@pytest.mark.filterwarnings("ignore")  # from the harness and from datasets
def test_a_local_task_runs_through_the_harness(adapted: dict[str, Any], tmp_path: Path, monkeypatch: Any) -> None:
    """Offline. Both sides use one model, and give the same answers as our own measurement."""
    pytest.importorskip("lm_eval")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    run = tmp_path / "run"
    shutil.copytree(adapted["root"] / "run", run)
    asked = [json.loads(line) for line in (run / "questions.jsonl").read_text().splitlines()]
    asked = [q for q in asked if "question" in q][:12]
    (tmp_path / "data.jsonl").write_text(
        "".join(json.dumps({"question": q["question"], "answer": q["answers"][0]}) + "\n" for q in asked)
    )
    task = tmp_path / "task.yaml"
    task.write_text(TASK.format(data=tmp_path / "data.jsonl"))
    found = disc_lite.evaluate(run, benchmarks=[str(task)], limit=12)["benchmarks"][f"{task} (12)"]
    given = {
        w: json.loads((run / f"{w}.json").read_text())["questions"][row]
        for w, row in (("before", "floor"), ("after", "adapted"))
    }
    for when, answers in given.items():
        right = sum(is_right(g, q["answers"], "exact") for g, q in zip(answers, asked, strict=False))
        assert found[when]["exact_match"] == pytest.approx(right / 12, abs=1e-6)
    assert found["after"]["exact_match"] > found["before"]["exact_match"]
    with pytest.raises(UsageError, match="no_such_task"):
        disc_lite.evaluate(run, benchmarks=["no_such_task"])
