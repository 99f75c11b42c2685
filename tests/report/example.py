"""`make_run`: the folder of a finished run with names and texts that try to break a page."""

from pathlib import Path
from typing import Any

from disc_lite.evaluation.card import LENGTH, STOPPING, change, forgetting, report_card, row_of
from disc_lite.evaluation.grading import grade
from disc_lite.qa import Pair, Question
from disc_lite.run.folder import FORMAT, question_row
from disc_lite.storage import begin_digests, write_json, write_jsonl, write_text

EVIL = "<script>alert(1)</script>"
SHARP = "\"'&<>` onload=alert(1) --><!--"
ARABIC = "من يدير الورشة؟ \u202eabc"
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3
NUL = "bell\x07 nul\x00 lone\ud800"
NAMES = ("a.md", f"{EVIL}.md", "b/دليل.md", f"{LONG}.md", "clean.txt")
STEPS = 60
SKIPPED = 7


def rows_of(before: int, after: int, of: int = 40) -> dict[str, Any]:
    given = {"before": before, "after": after}
    return {w: row_of([grade("a" if i < n else "b", ["a"]) for i in range(of)], "exact") for w, n in given.items()}


def first(right: int, of: int = 40) -> list[bool]:
    return [i < right for i in range(of)]


def questions() -> list[Question]:
    found = []
    for k, name in enumerate(NAMES):
        found += [Question(f"Question {i} about {k}, {text}?", (f"answer {k} {i}",), name)
                  for i, text in enumerate((EVIL, SHARP, ARABIC, LONG))]  # fmt: skip
    return found


def given_to(asked: list[Question]) -> dict[str, list[str]]:
    """The base knows nothing; the adapted model has three of four right, with the passage all are."""
    right = [q.answers[0] for q in asked]
    return {
        "floor": [f"{EVIL} {SHARP}" for _ in asked], "rag": [a if i % 2 else LONG for i, a in enumerate(right)],
        "ceiling": right, "adapted": [ARABIC + EVIL if i % 4 == 3 else a for i, a in enumerate(right)],
        "adapted_rag": right,
    }  # fmt: skip


def metrics(steps: int) -> list[dict[str, Any]]:
    return [
        {"step": n, "steps": STEPS, "loss": None if n == SKIPPED else 3.0 / n, "retention": 0.001 * n,
         "gradient_norm": 1.0, "learning_rate": 3e-4 * (1 - n / STEPS), "tokens": 1000, "target_tokens": 200,
         "seconds": 0.5, "skipped": n == SKIPPED}
        for n in range(1, steps + 1)
    ]  # fmt: skip


def make_run(folder: Path, **changes: Any) -> Path:
    """A finished run, as the stages write it; `changes` replace parts of its summary."""
    asked = questions()
    given = given_to(asked)
    completion = Question(f"The workshop {SHARP} opens at", ("eight",), "a.md", "completion")
    pairs = [Pair(name, 0, f"Question 0 about {k}?", f"answer {k} 0") for k, name in enumerate(NAMES[:4])]
    card = report_card(asked, given, [f"passage {EVIL}. It is {q.answers[0]}." for q in asked], pairs, "contains", 0.8)
    card["completions"] = rows_of(1, 9, 10)
    retained = {
        "world": (first(38), first(37), range(40)), "open_book": (first(20), [False] * 9 + first(12, 31), range(40, 80)),
        "instructions": ([True, True, False], [True, False, False], "abc"),
    }  # fmt: skip
    card["retained"] = {name: change(*row) for name, row in retained.items()}
    card["retained"] |= {STOPPING: change(first(2, 2), first(2, 2)), LENGTH: change(first(10, 10), first(9, 10))}
    card["forgetting"] = forgetting(retained.values())
    card |= {"fit": {}, "advice": {"pairs": "more pairs", "passages": "shorter passages"}, "update": {}}
    card["drift"] = {"general": 0.0123, "self_generated": 0.0456}
    card["farthest"] = [{"prompt": f"{EVIL} {NUL}", "nats": 1.25, "before": f"{SHARP}\n\nsecond line", "after": ARABIC}]
    teachability = {name: [0.05, 1.25, 2.5, -0.3, 0.7][k] for k, name in enumerate(NAMES)}
    summary = {
        "run": "/home/somebody/secret/run", "model": "/home/somebody/secret/tiny", "method": "both", "recipe": "pocket",
        "documents": {"read": 5, "refused": 1, "duplicate": 1, "damaged": 0}, "passages": 5, "examples": {"disc": 20, "prompt": 4},
        "pairs": {"accepted": 4, "dropped": {"not a question": 2}, "coverage": 0.5,
                  "without": {"documents": ["clean.txt"], "passages": 1, "of": 5}},
        "teachability": {"mean": 1.0, "documents": teachability, "low": ["a.md", NAMES[3]]},
        "teacher_tokens": {"disc": 500, "prompt": 900}, "steps": 40, "stopped_at": None, "skipped_steps": 1,
        "loss": {"first": 3.0, "last": 0.1}, "card": card, "adapter": "/home/somebody/secret/run/adapter",
        "seconds": 4321.0, "peak_bytes": 3 * 2**30, "versions": {"disc_lite": "0.1.0", "torch": EVIL}, **changes,
    }  # fmt: skip
    ledger = [{"name": name, "outcome": "read", "reason": ""} for name in NAMES]
    ledger += [{"name": f"broken {SHARP}.pdf", "outcome": "refused", "reason": f"not text {EVIL}"},
               {"name": "copy.md", "outcome": "duplicate", "reason": f"same text as {NAMES[1]}"}]  # fmt: skip
    identity = {"format": FORMAT, "documents": dict.fromkeys(NAMES, "0")}
    begin_digests(folder)
    write_json(folder / "run.json", {"identity": identity, "model": {"name": summary["model"], "reference": "x"}})
    write_text(folder / "recipe.yaml", f"# resolved recipe\nname: pocket  # {SHARP}\nmethod: both\n")
    write_jsonl(folder / "ledger.jsonl", [{**row, "bytes": 1234, "sha256": "0", "characters": 1200} for row in ledger])
    write_jsonl(folder / "passages.jsonl", [
        {"document": name, "passage": p, "tokens": 30, "text": f"It says {k}. It is answer {k} {p}. {EVIL}",
         "sentences": [f"It says {k}.", f"It is answer {k} {p}.", f"\x1b[31m[bold]{EVIL}"]}
        for k, name in enumerate(NAMES) for p in range(2)
    ])  # fmt: skip
    write_jsonl(folder / "questions.jsonl", map(question_row, (completion, *asked)))
    write_jsonl(folder / "pairs.jsonl", [
        {"document": p.document, "passage": p.passage, "question": p.question, "answer": p.answer, "sentence": 1,
         "with_passage": -0.25, "without_passage": -4.5, "hash": "0"} for p in pairs
    ])  # fmt: skip
    by_row = {when: {row: given[row] for row in rows} for when, rows in
              (("before", ("floor", "rag", "ceiling")), ("after", ("adapted", "adapted_rag")))}  # fmt: skip
    write_json(folder / "before.json", {"questions": by_row["before"], "completions": ["nine"]})
    write_json(folder / "after.json", {"questions": by_row["after"], "completions": ["eight"]})
    write_jsonl(folder / "metrics.jsonl", metrics(40))
    write_jsonl(folder / "resumes.jsonl", [{"after_step": 12}, {"after_step": 31}])
    how = {"after_step": 0, "device": "cpu", "micro_batch_tokens": 0, "optimizer_bits": 32, "why": "as planned"}
    changed = {**how, "after_step": 17, "micro_batch_tokens": 2048, "why": "CUDA out of memory"}
    write_jsonl(folder / "computed.jsonl", [how, changed])
    write_json(folder / "stopped.json", {"step": 40, "kl": 0.1234, "max_kl": 0.1, "adapter_step": 36})
    write_json(folder / "benchmarks.json", {f"arc {EVIL} (20)": {"before": {"acc": 0.5}, "after": {"acc": 0.4567}}})
    write_json(folder / "summary.json", summary)
    return folder
