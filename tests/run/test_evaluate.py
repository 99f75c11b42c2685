"""A finished run is examined: nothing is asked twice, other questions can be asked, and gates fail when they should."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from disc_lite.cli import main
from disc_lite.distillation.examples import AnsweredPrompt
from disc_lite.errors import EnvironmentNotReady, GateFailed, UsageError
from disc_lite.evaluation import benchmarks, instructions
from disc_lite.evaluation.asking import answer
from disc_lite.evaluation.benchmarks import _evaluated
from disc_lite.evaluation.card import LENGTH, ROWS, STOPPING, change, forgetting, share_of
from disc_lite.evaluation.drift import drift, mean_drift
from disc_lite.prompts.answering import RULE
from disc_lite.qa import Question, read_questions
from disc_lite.run import asking, card, evaluate, measuring
from disc_lite.run.answers import BEFORE_AND_AFTER, Answers, EvalSet
from disc_lite.run.folder import RunFolder
from disc_lite.run.gates import check_gates, remark_on_forgetting
from disc_lite.synthesis.retention import write_examples
from tests.made import SmallAdapt, recipe_of


def test_answers_may_grow_a_little_and_still_stop_and_none_may_halve(tmp_path: Path, monkeypatch: Any) -> None:
    """The base's answers that end within half of the limit have to end within all of it. The fourth answer is cut."""
    end, limit = 2, 10
    lengths = {"before": (5, 6, 9, 11), "after": (10, 11, 11, 4)}  # an eleventh token would not be generated
    tokens = SimpleNamespace(stop_ids={end}, thinks=False, decode=lambda ids: "x" * len(ids))
    folder = RunFolder(tmp_path)
    monkeypatch.setattr(asking, "drift", lambda base, examples, tell: [0.0] * len(examples))
    monkeypatch.setattr(asking, "neutral_prompts", lambda: tuple("abcd"))
    found = {}
    for when in BEFORE_AND_AFTER:
        ids = [((7,) * (n - 1) + (end,))[:limit] for n in lengths[when]]
        said = [AnsweredPrompt((1,), one) for one in ids]
        monkeypatch.setattr(
            asking, "generate_answers", lambda base, prompts, *given, said=said, **how: said[: len(prompts)]
        )
        monkeypatch.setattr(asking, "load_instructions", lambda: ())
        folder.write_answers(when, Answers({row: [] for row in ROWS}, []))
        measured = measuring.Measurement(
            lambda: SimpleNamespace(tokens=tokens), recipe_of(evaluation={"long_answer_tokens": limit}),
            EvalSet((), (), (), {}), folder, lambda *progress: None,
        )  # fmt: skip
        if when == "after":
            write_examples(folder.self_generated, ())
        found[when] = measured.retained(when)
    monkeypatch.setattr(card, "neutral_prompts", lambda: tuple("abcd"))
    monkeypatch.setattr(card, "load_instructions", lambda: ())
    made = card.card_of(measured, ())
    assert found["before"].stopped == [True, False, False, False]
    assert found["after"].stopped == [True, False, False, True]
    row = made["retained"][STOPPING]
    assert (row["before"]["right"], row["before"]["of"], row["after"]["right"], row["lost"]) == (1, 1, 1, 0)
    row = made["retained"][LENGTH]
    assert (row["before"]["of"], row["after"]["right"], row["lost"]) == (4, 3, 1)


def card_with(learned: tuple[int, int], statements: tuple[int, int], lost: int) -> dict[str, Any]:
    """A card with (right answers, questions) for each kind, on which `lost` of 20 followed instructions are lost."""
    questions, completions = (share_of([i < right for i in range(of)]) for right, of in (learned, statements))
    followed = ([True] * 20 + [False] * 9, [i >= lost for i in range(29)], range(29))
    return {
        "rows": {"adapted": questions}, "completions": {"after": completions}, "retained": {"instructions": change(*followed)},
        "forgetting": forgetting([followed]), "advice": {"pairs": "more pairs"}, "reading": share_of([]),
    }  # fmt: skip


def test_the_gate_of_forgetting_counts_what_was_right() -> None:
    card = card_with((1, 1), (0, 0), 2)  # nine instructions that were wrong are right now
    with pytest.raises(
        GateFailed, match=r"more than the 9%(?s:.*)lost 2 of 20 answers that should stay right .10.0%; "
    ):
        check_gates(card, None, 0.09)
    check_gates(card, None, 0.1)
    check_gates(card, min_recall=1)
    with pytest.raises(UsageError, match=r"(?s)max_forgetting cannot be 5\..*Give a share from 0 to 1"):
        check_gates(card, max_forgetting=5)  # a gate that no run could fail
    nothing = {**card, "retained": {}, "forgetting": forgetting([])}
    with pytest.raises(UsageError, match="cannot be checked"):
        check_gates(nothing, None, 0.5)


def test_what_a_limit_on_forgetting_can_show_is_known_before_anything_is_asked(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    card = card_with((1, 1), (0, 0), 2)
    assert "--max-forgetting 5% allows the loss of 1 of the 20 answers" in remark_on_forgetting(card, 0.05)
    assert "still reaches 16.1%. For an interval of at most 5% there have to be at least 73 answers" in (
        remark_on_forgetting(card, 0.05)
    )
    assert remark_on_forgetting(card, 0.17) == remark_on_forgetting(card, 0) == remark_on_forgetting(card, 1) == ""
    assert "of 2 of" in remark_on_forgetting(card, 0.1)  # as the gate has it
    with pytest.raises(GateFailed, match=r"within the interval, so this can be chance\. A larger"):
        check_gates(card, None, 0.05)
    with pytest.raises(GateFailed) as failed:
        check_gates(card_with((1, 1), (0, 0), 18), None, 0.05)
    assert "chance" not in str(failed.value)

    cards = {"coarse": card, "nothing": {**card, "retained": {}, "forgetting": forgetting([])}}
    monkeypatch.setattr(
        "disc_lite.run.finished.open_run", lambda run: SimpleNamespace(summary={"card": cards[run.name]})
    )
    monkeypatch.setattr("disc_lite.run.evaluate.evaluate", lambda *_, **__: print("measured") or card)
    monkeypatch.setattr("disc_lite.cli.summary.show_card", lambda *_, **__: None)
    for run, code, said, measured in (
        ("coarse", 0, "at least 35 answers", True),
        ("nothing", 2, "cannot be checked", False),
    ):
        monkeypatch.setattr("sys.argv", ["disc-lite", "eval", str(tmp_path / run), "--max-forgetting", "0.1"])
        with pytest.raises(SystemExit) as left:
            main()
        shown = capsys.readouterr()
        assert (left.value.code, said in shown.err, "measured" in shown.out) == (code, True, measured)


def test_gates_that_fail_together_are_told_together_and_a_base_that_reads_nothing_first() -> None:
    card = card_with((0, 10), (0, 0), 2)
    with pytest.raises(GateFailed, match=r"(?s)answers 0%.*more than the 5%.*train.epochs.*retention.weight"):
        check_gates(card, 0.5, 0.05)
    card["reading"] = share_of([False] * 10)
    with pytest.raises(GateFailed, match=r"(?s)cannot read these documents.*\nWhat may help: a larger model") as failed:
        check_gates(card, 0.5, None)
    assert "train.epochs" not in str(failed.value)


def test_a_gate_that_fails_is_told_though_the_other_cannot_be_decided() -> None:
    nothing_to_lose = {**card_with((0, 4), (0, 0), 0), "retained": {}, "forgetting": forgetting([])}
    with pytest.raises(GateFailed, match=r"answers 0%"):
        check_gates(nothing_to_lose, 0.5, 0.1)
    with pytest.raises(UsageError, match="--max-forgetting cannot be checked"):
        check_gates(nothing_to_lose, 0.0, 0.1)
    with pytest.raises(GateFailed, match=r"more than the 5%"):
        check_gates(card_with((0, 0), (0, 0), 2), 0.5, 0.05)


def test_the_gate_of_recall_counts_questions_and_statements() -> None:
    for learned, statements in (((0, 0), (8, 10)), ((8, 10), (0, 0)), ((6, 6), (10, 14))):
        check_gates(card_with(learned, statements, 0), 0.8, None)
        with pytest.raises(GateFailed, match=r"answers 80% \((8 of 10|16 of 20)\), less than 81%"):
            check_gates(card_with(learned, statements, 0), 0.81, None)
    with pytest.raises(GateFailed, match=r"answers 79\.96% \(1999 of 2500\), less than 80%"):  # not 80.0%
        check_gates(card_with((1999, 2500), (0, 0), 0), 0.8, None)
    with pytest.raises(UsageError, match="No question was asked"):
        check_gates(card_with((0, 0), (0, 0), 0), 0.0, None)


def test_what_reaches_a_gate_passes_it() -> None:
    """In floating point, 0.07 * 100 is more than 7, and 0.29 * 100 is less than 29."""
    forgot = {**card_with((7, 100), (0, 0), 0), "forgetting": {"lost": 29, "of": 100}}
    check_gates(forgot, 0.07, 0.29)
    for percent in range(101):
        for of in (100, 20) if percent % 5 == 0 else (100,):
            asked = {"adapted": {"right": percent * of // 100, "of": of}}
            check_gates({**forgot, "rows": asked}, float(f"{percent / 100:.2f}"), None)


def test_an_update_has_to_know_what_is_new_and_what_is_unchanged() -> None:
    for new, unchanged, part in (((6, 16), (44, 44), "new or changed"), ((16, 16), (30, 44), "unchanged")):
        rows = {state: {"adapted": dict(zip(("right", "of"), row, strict=True))} for state, row in
                (("new", new), ("changed", (0, 0)), ("unchanged", unchanged))}  # fmt: skip
        statements = {state: {"adapted": {"right": 0, "of": 0}} for state in rows}
        card = {
            **card_with((new[0] + unchanged[0], 60), (0, 0), 0),
            "update": {"rows": rows, "completions": statements},
        }
        check_gates(card, 0.37, None)
        with pytest.raises(GateFailed, match=f"of what is {part} .*less than 70%"):
            check_gates(card, 0.7, None)
        statements["new"] = statements["unchanged"] = {"adapted": {"right": 40, "of": 40}}
        check_gates(card, 0.7, None)


def test_choices_are_read_with_their_answers_among_them(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    row = {"question": "Which?", "answers": ["ox"], "choices": ["ox", "owl"]}
    path.write_text(json.dumps(row) + "\n")
    assert read_questions(path)[0].choices == ("ox", "owl")
    for wrong in (["owl", "ant"], ["ox"], "ox", ["ox", 1], ["ox", " "]):
        path.write_text(json.dumps({**row, "choices": wrong}) + "\n")
        with pytest.raises(UsageError, match="choices"):
            read_questions(path)


@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_the_likeliest_choice_is_given(plain: Any, name: str) -> None:
    """Compared with one plain forward pass for each choice."""
    base = plain(name)
    choices = ("red", "a very long answer, said slowly", "blue and green", "x")
    question = Question("What colour is the kite?", ("red",), choices=choices)
    totals = []
    for choice in choices:
        prompt, said = base.tokens.turn(
            f"The kite flies.{RULE}Answer without mentioning the text: {question.text}", choice
        )
        with torch.no_grad():
            logits = base.causal(torch.tensor([[*prompt, *said]])).logits[0].double().log_softmax(-1)
        totals.append(sum(float(logits[len(prompt) - 1 + i, t]) for i, t in enumerate(said)))
    (given,) = answer(base, [question], 8, adapter=False, passages=[["The kite flies."]])
    assert given == choices[totals.index(max(totals))]


def test_drift_is_the_divergence_of_whole_distributions(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    base = load("llama", rank=4)
    spoken = [
        AnsweredPrompt((1, 5, 9, 4), (8, 3)),
        AnsweredPrompt((1, 7), (6, 6, 2, 9, 4)),
        AnsweredPrompt((1, 2, 3), (4,)),
    ]
    expected = []
    for s in spoken:
        ids = torch.tensor([[*s.prompt_ids, *s.answer_ids]])
        with base.frozen(adapter=False) as model:
            before = model(ids).logits[0].double().log_softmax(-1)
        with base.frozen(adapter=True) as model:
            after = model(ids).logits[0].double().log_softmax(-1)
        at = slice(len(s.prompt_ids) - 1, -1)
        expected.append(float((before[at].exp() * (before[at] - after[at])).sum(-1).mean()))
    for tokens in (4, 1000):
        monkeypatch.setattr("disc_lite.evaluation.drift.READING_TOKENS", tokens)
        found = drift(base, spoken)
        assert found == pytest.approx(expected, rel=1e-4)
    assert mean_drift(found, spoken) == pytest.approx((2 * expected[0] + 5 * expected[1] + expected[2]) / 8, rel=1e-4)
    assert min(found) > 0


def test_whatever_stops_a_benchmark_is_told_in_three_lines() -> None:
    def harness(*_: Any, **__: Any) -> None:
        raise LookupError("the connection was reset\nby its peer")  # an exception of an unknown class

    with pytest.raises(EnvironmentNotReady, match="LookupError: the connection was reset") as caught:
        _evaluated(harness, None, "gsm8k", None, None)
    assert len(caught.value.lines()) == 3


def test_a_task_in_a_file_is_run_again_where_the_file_was_edited(tmp_path: Path, monkeypatch: Any) -> None:
    ran: list[list[str]] = []

    def score(opened: Any, tasks: list[str], *more: Any) -> list[Any]:
        ran.append(tasks)
        return [(task, {"before": {"acc": 0.5}, "after": {"acc": 0.25}}) for task in tasks]

    monkeypatch.setattr(evaluate, "run_benchmarks", score)
    task, tasks = tmp_path / "task.yaml", [str(tmp_path / "task.yaml"), "gsm8k"]
    for text in ("task: a", "task: a", "task: a # edited"):
        task.write_text(text)
        found = evaluate._run_benchmarks(
            lambda: pytest.fail("opened"), tasks, 3, RunFolder(tmp_path), lambda text: None
        )
        assert found["gsm8k (3)"] == {"before": {"acc": 0.5}, "after": {"acc": 0.25}}
    assert ran == [tasks, tasks[:1]]


def test_what_a_benchmark_has_found_is_saved_before_the_next_one(tmp_path: Path, monkeypatch: Any) -> None:
    found = {"before": {"acc": 0.5}, "after": {"acc": 0.25}}

    def score(opened: Any, tasks: list[str], *more: Any) -> Any:
        yield from ((task, found) for task in tasks[:-1])
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate, "run_benchmarks", score)
    for left, ran in ((["gsm8k", "arc"], "gsm8k"), (["arc", "mmlu"], "arc")):
        with pytest.raises(KeyboardInterrupt):
            evaluate._run_benchmarks(lambda: None, left, None, RunFolder(tmp_path), lambda text: None)
        assert RunFolder(tmp_path).read_benchmarks()[f"{ran} (all)"] == found
    assert evaluate._not_run(["gsm8k", "arc", "mmlu"], None, RunFolder(tmp_path)) == ["mmlu"]
    assert evaluate._not_run(["gsm8k"], 9, RunFolder(tmp_path)) == ["gsm8k"]


def test_a_task_that_the_harness_does_not_have_is_told_before_anything_is_asked(monkeypatch: Any) -> None:
    monkeypatch.setattr(benchmarks, "_manager", lambda folders: SimpleNamespace(all_tasks=["gsm8k"]))
    benchmarks.require_known(["gsm8k"])
    with pytest.raises(UsageError, match="has no task gsm8") as caught:
        benchmarks.require_known(["gsm8k", "gsm8"])
    assert "lm-eval ls tasks" in caught.value.remedy


def test_training_ends_within_the_limit_on_drift(small: SmallAdapt, tmp_path: Path) -> None:
    limit = 1e-3
    summary = small.adapt(tmp_path / "run", **{
        "method": "sft", "train.epochs": "12", "retention.weight": "0", "retention.max_kl": str(limit),
        "train.warmup_fraction": "1",
    })  # fmt: skip
    stopped = summary["stopped_at"]
    assert stopped["kl"] > limit
    assert 0 < stopped["adapter_step"] < stopped["step"] == summary["steps"]
    assert 0 < summary["card"]["drift"]["self_generated"] <= limit


def test_saved_answers_are_graded_without_torch(small: SmallAdapt, tmp_path: Path) -> None:
    summary = small.adapt(tmp_path / "run")
    code = (
        "import json, sys, disc_lite\nfrom pathlib import Path\nfrom disc_lite.evaluation import instructions\n"
        "instructions.INSTRUCTIONS, instructions.NEUTRAL = map(Path, sys.argv[2:])\n"  # as `asked_little` has them
        "print(json.dumps([disc_lite.evaluate(sys.argv[1]), 'torch' in sys.modules]))"
    )
    arguments = map(str, (tmp_path / "run", instructions.INSTRUCTIONS, instructions.NEUTRAL))
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [json.loads(json.dumps(summary["card"])), False]
