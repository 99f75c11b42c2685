"""The long run: what its samples say, and that it can be stopped by a signal at any time."""

from __future__ import annotations

from bench.reliability.endurance import judged


def sample(number: int, rss_mib: float, files: int = 20) -> dict[str, float]:
    return {"s": 60.0 * number, "step": number, "rss_mib": rss_mib, "descriptors": 7, "threads": 4, "files": files,
            "checkpoints": 2}  # fmt: skip


def test_what_grows_is_told_from_what_only_settles() -> None:
    settles = [sample(n, 500 + min(n, 10)) for n in range(60)]
    assert judged(settles)["passed"]
    assert judged(settles)["rss_mib_an_hour"] == 0
    assert not judged([sample(n, 500 + n) for n in range(60)])["passed"]  # a MiB a minute
    assert not judged([sample(n, 500, files=20 + n) for n in range(60)])["passed"]
