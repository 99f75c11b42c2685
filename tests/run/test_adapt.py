"""One adaptation of pocket, small and real: it learns what it is taught, and others can load the result."""

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
from disc_lite.exporting import export
from disc_lite.models import load_base
from disc_lite.qa import normalise
from disc_lite.run.finished import open_run

ROOT = Path(__file__).resolve().parents[2]


def test_it_learns_what_the_documents_say(adapted: dict[str, Any]) -> None:
    recall = adapted["summary"]["recall"]
    assert recall["before"]["share"] <= 0.15
    assert recall["ceiling"]["share"] >= 0.8
    assert recall["after"]["share"] >= 0.6


def test_it_keeps_most_of_what_it_knew(adapted: dict[str, Any]) -> None:
    retention = adapted["summary"]["retention"]
    for probe in ("world", "skills", "open_book"):
        assert retention[probe]["after"]["share"] >= retention[probe]["before"]["share"] - 0.25
    assert 0 < retention["kl"] < 0.5


def test_every_file_ends_in_the_ledger(adapted: dict[str, Any]) -> None:
    assert adapted["summary"]["documents"] == {"read": 3, "refused": 1, "duplicate": 1, "damaged": 0}
    rows = [json.loads(line) for line in (adapted["root"] / "run" / "ledger.jsonl").read_text().splitlines()]
    assert len(rows) == 5


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


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # PEFT's, of transformers
def test_plain_peft_loads_the_adapter_and_gives_the_same_logits(adapted: dict[str, Any]) -> None:
    """The exported folder, the run's own adapter and the merged model say the same."""
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


def test_pairs_can_be_edited_and_reused(adapted: dict[str, Any], tmp_path: Path) -> None:
    run = adapted["root"] / "run"
    rows = [json.loads(line) for line in (run / "pairs.jsonl").read_text().splitlines()][:5]
    rows[0]["answer"] = "something else"
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    short = {**adapted["given"]["overrides"], "train.epochs": "1", "method": "prompt", "retention.weight": "0"}
    summary = disc_lite.adapt(
        adapted["docs"], "pocket", output=tmp_path / "run", questions=adapted["given"]["questions"],
        pairs=tmp_path / "pairs.jsonl", overrides=short,
    )  # fmt: skip
    assert summary["examples"] == {"prompt": 5}
    assert (tmp_path / "run" / "pairs.jsonl").read_text().count("something else") == 1


def test_a_wheel_works_elsewhere(tmp_path: Path) -> None:
    """Recipes and pocket are inside."""
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
