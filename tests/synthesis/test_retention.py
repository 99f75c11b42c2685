"""Self-generated prompts: what counts as one, how many are made, and that none depends on who asked first."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from disc_lite.distillation.examples import AnsweredPrompt, Example
from disc_lite.distillation.schedule import batches, task_tokens
from disc_lite.errors import EnvironmentNotReady, Interrupted, RunFailed
from disc_lite.hub.probes import Probes
from disc_lite.models.generation import Continuation, generate, stream_seed
from disc_lite.planning.amounts import FEWEST_PROMPTS, prompts_needed, retention_share
from disc_lite.qa import Question
from disc_lite.run import self_generated
from disc_lite.run.folder import RunFolder
from disc_lite.storage import Journal, disk
from disc_lite.synthesis import document_names, retention
from disc_lite.synthesis.retention import (
    BEGINNINGS,
    PATIENCE,
    ROUND,
    generate_retention_examples,
    read_rounds,
)
from tests.made import document_of, recipe_of

SHORT = recipe_of(retention={"prompt_tokens": 24, "answer_tokens": 6}).retention


def scripted(monkeypatch: pytest.MonkeyPatch, turns_of: Callable[[int], Sequence[int]]) -> list[int]:
    """The model's turns in round n are single ids, `turns_of(n)`, the rest do not end; gives the rounds asked for."""
    rounds: list[int] = []

    def fake(model: Any, prompts: Sequence[Sequence[int]], *, streams: Sequence[int], **how: Any) -> list[Continuation]:
        if not prompts or streams[0] > 2**62:  # of a negative seed: the answers to the turns
            return [Continuation((9,), 1) for _ in prompts]
        found: list[Continuation] = []
        for stream in streams[::ROUND]:
            rounds.append(stream // stream_seed(1, 0))
            found += [Continuation((100 + turn,), 1) for turn in turns_of(rounds[-1])]
            found += [Continuation((5,), None)] * (-len(found) % ROUND)
        return found

    monkeypatch.setattr(retention, "generate", fake)
    return rounds


def test_what_is_being_written_is_told(plain: Callable[..., Any], tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    generate_retention_examples(
        plain("qwen3"), SHORT, (), tmp_path / "cache.jsonl", 1, on_drafts=lambda *counts: told.append(counts)
    )
    (found,) = read_rounds(tmp_path / "cache.jsonl")
    for what, of in (("prompts", ROUND), ("answers", len(found))):
        counts = [done for name, done, _ in told if name == what]
        assert counts == sorted(set(counts)) and len(counts) > 1 and counts[-1] == of
        assert {total for name, _, total in told if name == what} == {of}


def test_a_model_goes_on_from_words_where_its_template_writes_nothing_before_a_turn(
    plain: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From no token at all it would go on with what another prompt of the batch is to be continued with."""
    base, prompts = plain("qwen3"), list[Sequence[int]]()
    monkeypatch.setattr(base.tokens, "_template", replace(base.tokens._template, before=""))
    monkeypatch.setattr(
        retention, "generate", lambda model, given, **how: (prompts.extend(given), generate(model, given, **how))[1]
    )
    generate_retention_examples(base, SHORT, (), tmp_path / "cache.jsonl", 1)
    assert len(prompts) >= ROUND and all(prompts)
    assert len(set(map(tuple, prompts[:ROUND]))) == len(BEGINNINGS)


def test_an_answer_may_be_cut_but_a_prompt_must_end(plain: Callable[..., Any], tmp_path: Path) -> None:
    base = plain("qwen3")
    examples = generate_retention_examples(base, SHORT, (), tmp_path / "cache.jsonl", 1)
    (found,) = read_rounds(tmp_path / "cache.jsonl")
    assert examples == found[:1]
    words = [word for beginning in BEGINNINGS for word in (beginning, "")]
    with base.frozen(adapter=False) as model:
        turns = generate(
            model, [base.tokens.user_opening(word) for word in words], stop_ids=base.tokens.control_ids, seed=1,
            max_new_tokens=24, temperature=1.0,
        )  # fmt: skip
    whole = [(t.ids, word) for t, word in zip(turns, words, strict=True) if t.ended and t.ids]
    ended = dict.fromkeys(tuple(base.tokens.after_user(*turn)) for turn in whole)
    assert 0 < len(ended) < ROUND
    assert [example.prompt_ids for example in found] == list(ended)
    cut = [e for e in found if e.answer_ids[-1] not in base.tokens.stop_ids]
    assert cut
    assert {len(example.answer_ids) for example in cut} == {SHORT.answer_tokens}


def test_no_more_rounds_than_what_is_missing(
    plain: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = scripted(monkeypatch, lambda n: range(40 * n, 40 * n + 40))
    base, cache = plain("llama"), tmp_path / "cache.jsonl"
    for wanted, made in ((5, 1), (40, 1), (41, 2), (200, 5), (7, 5), (201, 6)):
        assert len(generate_retention_examples(base, SHORT, (), cache, wanted)) == wanted
        assert rounds == list(range(1, made + 1))


def test_a_reserved_name_is_in_no_prompt(plain: Callable[..., Any], tmp_path: Path) -> None:
    base, cache = plain("qwen3"), tmp_path / "cache.jsonl"
    generate_retention_examples(base, SHORT, (), cache, 1)
    texts = [base.tokens.decode((*e.prompt_ids, *e.answer_ids)) for e in read_rounds(cache)[0]]
    names = [texts[0][-3:], texts[-1][-3:]]
    generate_retention_examples(base, SHORT, names, tmp_path / "other.jsonl", 1)
    left = [base.tokens.decode((*e.prompt_ids, *e.answer_ids)) for e in read_rounds(tmp_path / "other.jsonl")[0]]
    assert 0 < len(left) < len(texts)
    assert not [text for text in left if any(name in text for name in names)]


def test_the_cache_grows_and_prompts_do_not_depend_on_the_number_wanted(
    plain: Callable[..., Any], tmp_path: Path
) -> None:
    base, cache = plain("qwen3"), tmp_path / "cache.jsonl"
    whole = generate_retention_examples(base, SHORT, (), tmp_path / "whole.jsonl", 3 * ROUND // 2)
    assert len(read_rounds(tmp_path / "whole.jsonl")) > 2
    first = generate_retention_examples(base, SHORT, (), cache, 3)
    assert first == whole[:3]
    assert generate_retention_examples(base, SHORT, (), cache, len(whole)) == whole
    assert cache.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert generate_retention_examples(None, SHORT, (), cache, 5) == whole[:5]  # type: ignore[arg-type]  # no model
    assert len({example.prompt_ids for example in whole}) == len(whole)


def test_an_interrupt_keeps_the_rounds_that_were_done(
    plain: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = scripted(monkeypatch, lambda n: range(10 * n, 10 * n + 10))
    cache = tmp_path / "cache.jsonl"

    def stop(prompts: int) -> None:
        raise Interrupted(2)

    with pytest.raises(Interrupted):
        generate_retention_examples(plain("llama"), SHORT, (), cache, 50, stop)
    assert [len(found) for found in read_rounds(cache)] == [10]
    progress: list[int] = []
    assert len(generate_retention_examples(plain("llama"), SHORT, (), cache, 50, progress.append)) == 50
    assert rounds == [1, 2, 3, 4, 5]
    assert progress == [50]


def test_rounds_of_one_call_are_those_of_several(
    plain: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where an answer is dropped whose prompt comes again in a later round: that is to be tried again."""
    base = plain("qwen3")
    monkeypatch.setattr(retention, "MOST_ROUNDS", 1)
    generate_retention_examples(base, SHORT, (), tmp_path / "free.jsonl", 2 * ROUND)
    first, *later = read_rounds(tmp_path / "free.jsonl")
    reserved = [base.tokens.decode(first[0].answer_ids), base.tokens.decode(later[0][0].answer_ids)]
    calls, prompts_of = [], retention._prompts

    def repeated(*how: Any) -> Any:
        """The first prompt of the first round is in all rounds."""
        calls.append(how[3])
        return [list(dict.fromkeys([first[0].prompt_ids, *prompts])) for prompts in prompts_of(*how)]

    monkeypatch.setattr(retention, "_prompts", repeated)
    for most in (1, 3):
        monkeypatch.setattr(retention, "MOST_ROUNDS", most)
        generate_retention_examples(base, SHORT, reserved, tmp_path / f"{most}.jsonl", 2 * ROUND)
    assert {len(numbers) for numbers in calls} == {1, 2, 3}
    one, three = (read_rounds(tmp_path / f"{most}.jsonl") for most in (1, 3))
    assert one == three[: len(one)]


def test_of_two_runs_one_generates_and_the_other_waits(
    plain: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = scripted(monkeypatch, lambda n: range(40 * n, 40 * n + 40))
    cache, base, waits = tmp_path / "cache.jsonl", plain("llama"), threading.Event()
    other = threading.Thread(
        target=generate_retention_examples, args=(base, SHORT, (), cache, 100, lambda prompts: waits.wait(60))
    )
    other.start()
    while not rounds:
        time.sleep(0.001)

    def interrupted() -> None:
        raise Interrupted(2)

    with pytest.raises(Interrupted):
        generate_retention_examples(base, SHORT, (), cache, 100, on_wait=interrupted)
    found = generate_retention_examples(base, SHORT, (), cache, 100, on_wait=waits.set)
    other.join()
    assert found == generate_retention_examples(None, SHORT, (), cache, 100)  # type: ignore[arg-type]  # no model
    assert rounds == [1, 2, 3]
    assert waits.is_set()


def test_beside_a_cache_that_can_only_be_read_prompts_are_those_of_the_journal(
    plain: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are generated once a run; what is there is read. Another model's prompts there change nothing."""
    base, cache = plain("llama"), tmp_path / "cache" / "own.txt"
    expected = generate_retention_examples(base, SHORT, (), cache, 2 * ROUND)
    (first, *_), create = read_rounds(cache), disk.create
    retention.write_rounds(cache, [first])
    before = cache.read_bytes()

    def read_only(path: Path, flags: int) -> int:
        if path.is_relative_to(cache.parent):
            raise PermissionError(13, "Permission denied")
        return create(path, flags)

    monkeypatch.setattr(disk, "create", read_only)
    base.journal, unsaved = Journal(tmp_path / "journal.txt"), list[str]()

    def again() -> list[AnsweredPrompt]:
        return generate_retention_examples(
            base, SHORT, (), cache, 2 * ROUND, on_unsaved=lambda error: unsaved.append(error.why)
        )

    assert again() == expected
    assert unsaved == ["Permission denied"]
    size = len(base.journal)
    assert size > 0 and again() == expected and len(base.journal) == size
    assert cache.read_bytes() == before
    base.journal = None


@pytest.mark.parametrize("kept", [0.1, 0.25, 0.7])
@pytest.mark.parametrize("damage", ["cut", "changed", "a line lost"])
def test_damaged_rounds_are_generated_again(
    plain: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: float, damage: str
) -> None:
    scripted(monkeypatch, lambda n: range(10 * n, 10 * n + 10))
    cache = tmp_path / "cache.txt"
    whole = generate_retention_examples(plain("llama"), SHORT, (), cache, 50)
    before = cache.read_bytes()
    place = before.find(b",1", int(kept * len(before)))
    lost = before.find(b"\n", place) + 1, before.find(b"\n", before.find(b"\n", place) + 1) + 1
    damaged = {"cut": before[:place], "changed": before[:place] + b",7" + before[place + 2 :],
               "a line lost": before[: lost[0]] + before[lost[1] :]}[damage]  # fmt: skip
    cache.write_bytes(damaged)
    assert damaged != before and generate_retention_examples(plain("llama"), SHORT, (), cache, 50) == whole
    assert cache.read_bytes() == before


def test_generation_ends_where_a_model_only_repeats_itself(
    plain: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = scripted(monkeypatch, lambda n: range(60))
    cache = tmp_path / "cache.jsonl"
    assert len(generate_retention_examples(plain("llama"), SHORT, (), cache, 500)) == 60
    assert rounds == list(range(1, len(rounds) + 1))
    assert len(read_rounds(cache)) == PATIENCE + 1  # those that were written beside the last one are lost
    before = len(rounds)
    assert len(generate_retention_examples(plain("llama"), SHORT, (), cache, 500)) == 60
    assert len(rounds) == before


def test_one_new_prompt_in_twenty_turns_is_enough_to_go_on(
    plain: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, lambda n: range(4 * n, 4 * n + 4))
    assert len(generate_retention_examples(plain("llama"), SHORT, (), tmp_path / "c.jsonl", 200)) == 200


# -- how many ------------------------------------------------------------------------------------------


def test_the_number_follows_what_is_learned() -> None:
    settings = recipe_of(retention={"prompts": 3000, "max_reads": 5}).retention
    assert prompts_needed(0, 180.0, settings) == FEWEST_PROMPTS
    assert prompts_needed(180 * 5 * 1000, 180.0, settings) == 1000
    assert prompts_needed(180 * 5 * 1000, 90.0, settings) == 2000
    assert prompts_needed(10**9, 180.0, settings) == 3000
    assert prompts_needed(180 * 5 * 1000, 180.0, settings.model_copy(update={"share": 0.5, "max_reads": 2})) == 1250
    assert prompts_needed(10**9, 180.0, settings.model_copy(update={"prompts": 4})) == 4


def test_the_share_falls_where_prompts_would_be_read_too_often() -> None:
    settings = recipe_of(retention={"prompts": 100, "max_reads": 5, "least_share": 0.25}).retention
    shares = [retention_share(tokens, 20.0, settings) for tokens in (0, 10_000, 10_001, 20_000, 40_000, 10**9)]
    assert shares == [1.0, 1.0, pytest.approx(0.9999, abs=1e-4), 0.5, 0.25, 0.25]
    assert retention_share(10**9, 20.0, settings.model_copy(update={"least_share": 1.0})) == 1.0
    assert retention_share(10**9, 20.0, settings.model_copy(update={"share": 0.1})) == 0.1


def test_steps_have_the_share_that_the_corpus_leaves() -> None:
    task = [Example("prompt", "a", tuple(range(20)), (0,)) for _ in range(400)]
    keep = [Example("retention", "", tuple(range(20)), (0,)) for _ in range(100)]
    for prompts, share in ((2000, 1.0), (400, 0.5), (20, 0.25)):
        recipe = recipe_of(train={"epochs": 10}, retention={"prompts": prompts, "max_reads": 5, "least_share": 0.25})
        steps = batches(task, keep, recipe)
        read = sum(20 * len(step.retention) for step in steps)
        assert read == pytest.approx(share * task_tokens(task, recipe), rel=0.01)
        assert max(20 * (len(s.task) + len(s.retention)) for s in steps) <= recipe.train.tokens_per_batch + 20


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_no_prompt_is_read_more_often_than_allowed(share: float) -> None:
    task = [Example("prompt", "a", tuple(range(30 + n % 7)), (0,)) for n in range(400)]
    task += [Example("disc", "a", tuple(range(20 + n % 3)), (0,)) for n in range(90)]
    recipe = recipe_of(train={"epochs": 6}, disc={"share": 0.3}, retention={"share": share, "max_reads": 5})
    steps = batches(task, [], recipe)
    tokens = task_tokens(task, recipe)
    assert tokens == sum(len(task[i].input_ids) for step in steps for i in step.task)
    number = prompts_needed(tokens, 25.0, recipe.retention)
    assert FEWEST_PROMPTS < number < recipe.retention.prompts
    keep = [Example("retention", "", tuple(range(20 + n % 11)), (0,)) for n in range(number)]  # 25 on average
    reads = Counter(i for step in batches(task, keep, recipe) for i in step.retention)
    assert len(reads) == number
    assert 4 <= min(reads.values()) <= max(reads.values()) <= 6


def context_of(monkeypatch: pytest.MonkeyPatch, says: int, **settings: Any) -> Any:
    """A run whose model has `says` prompts of ten tokens to say; every second names what the documents name."""
    texts = ["Tell me of Ada", "Tell me of Bo"]
    examples = [AnsweredPrompt((n % 2,), (n,) * 9) for n in range(says)]
    monkeypatch.setattr(
        self_generated, "generate_retention_examples", lambda b, s, r, c, wanted, **k: examples[:wanted]
    )
    monkeypatch.setattr(document_names, "COMMON", 1.0)
    tokens = SimpleNamespace(decode=lambda ids: texts[ids[0]], prompt=lambda text: [texts.index(text)])
    monkeypatch.setattr(self_generated, "load_instructions", tuple)
    monkeypatch.setattr(self_generated, "neutral_prompts", tuple)
    return SimpleNamespace(
        recipe=recipe_of(retention=settings, evaluation={"drift_prompts": 100}), tell=lambda *a, **k: None, remark=lambda *a: None,
        inputs=SimpleNamespace(model=SimpleNamespace(probes=Probes(), fingerprint="f")),
        base=SimpleNamespace(tokens=tokens, device=SimpleNamespace(type="cpu")),
        texts=[SimpleNamespace(document=document_of("Here Ada and I met."))],
    )  # fmt: skip


def test_a_larger_corpus_gets_more_prompts_and_the_same_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    context = context_of(monkeypatch, 10_000, max_reads=5)
    small, held = self_generated.generate_retention(context, 1000)
    large, held_again = self_generated.generate_retention(context, 20_000)
    assert held == held_again == [AnsweredPrompt((n % 2,), (n,) * 9) for n in range(100)]
    # Half of the 200 are left out, so the 20,000 tokens need twice as many: 800 prompts, 400 of them read.
    assert (len(small), len(large)) == (100, 400)
    assert large[:100] == small
    assert {example.prompt_ids for example in large} == {(1,)}


def test_what_is_asked_before_and_after_is_not_rehearsed(monkeypatch: pytest.MonkeyPatch) -> None:
    context = context_of(monkeypatch, 10_000)
    context.inputs.model.probes = Probes({"skills": [Question("Tell me of Bo", ("Bo",))]})
    asked = {example.prompt_ids for example in self_generated.generate_retention(context, 1000)[0]}
    assert asked == {(0,)}  # all that are left name what the documents name
    context.inputs.model.probes = Probes()
    monkeypatch.setattr(self_generated, "neutral_prompts", lambda: ("Tell me of Bo",))
    assert {example.prompt_ids for example in self_generated.generate_retention(context, 1000)[0]} == asked


def test_retention_is_measured_also_with_few_examples_or_no_term(monkeypatch: pytest.MonkeyPatch) -> None:
    train, held = self_generated.generate_retention(context_of(monkeypatch, 80), 10_000)
    assert (len(train), len(held)) == (30, 20)
    assert len(self_generated.generate_retention(context_of(monkeypatch, 300), 1000)[1]) == 100
    train, held = self_generated.generate_retention(context_of(monkeypatch, 10_000, weight=0), 10_000)
    assert (len(train), len(held)) == (0, 100)
    train, held = self_generated.generate_retention(context_of(monkeypatch, 80, weight=0), 10_000)
    assert (len(train), len(held)) == (0, 80)


def test_training_without_a_single_prompt_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for says, settings, expected in ((0, {}, [self_generated.NO_PROMPTS]), (80, {}, []), (0, {"weight": 0}, [])):
        context, told = context_of(monkeypatch, says, **settings), list[str]()
        context.remark = lambda stage, text, told=told: told.append(text)
        assert self_generated.generate_retention(context, 1000)[0] == [] or says
        assert [text for text in told if "generated" in text] == expected


def test_that_prompts_are_not_saved_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    context, told = context_of(monkeypatch, 0), list[str]()
    context.remark = lambda stage, text: told.append(text)

    def unsaved(*given: Any, on_unsaved: Callable[[EnvironmentNotReady], None], **how: Any) -> list[AnsweredPrompt]:
        on_unsaved(EnvironmentNotReady("a.lock cannot be locked.", "Read-only file system"))
        return []

    monkeypatch.setattr(self_generated, "generate_retention_examples", unsaved)
    self_generated.generate_retention(context, 1000)
    text, _ = told
    assert "saved for this run only: a.lock cannot be locked (Read-only file system). Set DISC_LITE_CACHE" in text


def test_a_limit_on_the_drift_without_a_prompt_to_measure_it_fails_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, says, settings in (("no", 3, {}), ("limited", 8, {"max_kl": 0.1}), ("lost", 3, {"max_kl": 0.1})):
        context = context_of(monkeypatch, says, **settings)
        context.folder = RunFolder(tmp_path / name)
        context.folder.path.mkdir()
        if name == "lost":
            for _ in "again", "continued":
                with pytest.raises(RunFailed, match=r"cannot be held to retention.max_kl.*\n.*no prompts"):
                    self_generated.retention_of_run(context, 1000)
        else:
            self_generated.retention_of_run(context, 1000)


def test_all_corpora_share_the_cache_of_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def cache_of(**settings: Any) -> set[Path]:
        context = context_of(monkeypatch, 0, **settings)
        paths: set[Path] = set()
        monkeypatch.setattr(
            self_generated, "generate_retention_examples", lambda b, s, r, c, w, **k: paths.add(c) or []
        )
        self_generated.generate_retention(context, 10_000)
        return paths

    one = cache_of()
    assert len(one) == 1
    assert one == cache_of(prompts=7, max_reads=1, weight=9, share=0.5, max_kl=0.1) == cache_of(weight=0)
    assert not one & cache_of(temperature=1.5)
    assert not one & cache_of(answer_tokens=64)
