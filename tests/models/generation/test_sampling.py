"""Samples follow the softmax, and tokens with probability zero are never sampled."""

from __future__ import annotations

import pytest
import torch

from disc_lite.models.generation.sampling import RUN, log_probabilities, sample


def test_samples_follow_the_softmax_at_the_temperature() -> None:
    logits = torch.tensor([[0.0, float("-inf"), 1.0, 2.0]])
    uniforms = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    drawn = torch.bincount(sample(logits.expand(20_000, 4), [2.0] * 20_000, uniforms), minlength=4) / 20_000
    torch.testing.assert_close(drawn, (logits[0] / 2).softmax(-1), atol=0.02, rtol=0)
    assert drawn[1] == 0
    assert sample(logits.expand(2, 4), [2.0, 2.0], torch.tensor([0.0, 1.0 - 2**-24])).tolist() == [0, 3]  # both ends
    assert sample(logits, [0.0], uniforms[:1]).tolist() == [3]


@pytest.mark.parametrize("vocabulary", [5, RUN, 3 * RUN, 3 * RUN + 1])
def test_a_token_is_the_one_whose_part_of_the_unit_interval_contains_the_number(vocabulary: int) -> None:
    rng = torch.Generator().manual_seed(1)
    logits = torch.randn(2000, vocabulary, generator=rng) * 3
    logits[:, vocabulary // 2] = float("-inf")
    logits[1000:, -2:] = float("-inf")
    uniforms = torch.rand(2000, generator=rng)
    uniforms[::10] = 1 - 2**-24
    tokens = sample(logits, [0.7] * 2000, uniforms)
    exact = (logits.double() / 0.7).softmax(-1).cumsum(-1)
    before = torch.where(tokens > 0, exact.gather(1, (tokens - 1).clamp(min=0)[:, None])[:, 0], 0.0)
    assert (before <= uniforms + 1e-5).all()
    assert (exact.gather(1, tokens[:, None])[:, 0] >= uniforms - 1e-5).all()
    assert log_probabilities(logits, tokens).isfinite().all()  # none has probability zero


def test_log_probabilities_are_at_temperature_1() -> None:
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(2))
    tokens = torch.tensor([4, 0, 49])
    expected = logits.double().log_softmax(-1)[range(3), tokens]
    torch.testing.assert_close(log_probabilities(logits, tokens).double(), expected, atol=1e-6, rtol=0)


def test_every_row_has_its_own_temperature() -> None:
    logits = torch.randn(300, 40, generator=torch.Generator().manual_seed(3))
    uniforms = torch.rand(300, generator=torch.Generator().manual_seed(4))
    mixed = sample(logits, [0.0, 0.5, 2.0] * 100, uniforms)
    for first, temperature in enumerate((0.0, 0.5, 2.0)):
        alone = sample(logits[first::3], [temperature] * 100, uniforms[first::3])
        assert mixed[first::3].tolist() == alone.tolist()


def test_tokens_below_min_p_are_not_drawn_and_the_others_keep_their_proportions() -> None:
    logits = torch.tensor([[0.60, 0.20, 0.13, 0.05, 0.02]]).log()
    uniforms = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    for min_p, kept in ((0.2, 3), (0.3, 2), (1.0, 1)):
        tokens = sample(logits.expand(20_000, 5), [1.0] * 20_000, uniforms, min_p)
        drawn = torch.bincount(tokens, minlength=5) / 20_000
        expected = logits.exp()[0] * (torch.arange(5) < kept)
        torch.testing.assert_close(drawn, expected / expected.sum(), atol=0.02, rtol=0)
        assert not drawn[kept:].any()
    # The limit applies to the probabilities at this temperature: at 3 even the last one is above a fifth.
    assert sample(logits, [3.0], torch.tensor([1 - 2**-24]), 0.2).tolist() == [4]
    assert sample(logits, [0.0], uniforms[:1], 0.2).tolist() == [0]
