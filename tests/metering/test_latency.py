"""Times in buckets, and what can be read off them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.metering.latency import BOUNDS, BUCKETS, bucket_of, quantile


@pytest.mark.parametrize(
    ("milliseconds", "bucket"),
    [(0, 0), (250, 0), (251, 1), (500, 1), (1000, 2), (80_000, 8), (80_001, 9), (10**9, 9)],
)
def test_a_time_falls_into_the_bucket_that_ends_at_or_behind_it(
    milliseconds: int, bucket: int
) -> None:
    assert bucket_of(milliseconds) == bucket


@pytest.mark.parametrize(
    ("counts", "part", "milliseconds"),
    [
        ([0] * BUCKETS, 0.5, 0),
        ([4] + [0] * 9, 0.5, 125),
        ([4] + [0] * 9, 1.0, 250),
        ([0, 4] + [0] * 8, 0.5, 375),
        ([2, 2] + [0] * 8, 0.5, 250),
        ([2, 2] + [0] * 8, 0.75, 375),
        ([0] * 9 + [3], 0.5, 80_000),
        ([1] + [0] * 8 + [9], 0.95, 80_000),
    ],
)
def test_a_quantile_lies_within_its_bucket(
    counts: list[int], part: float, milliseconds: int
) -> None:
    assert quantile(counts, part) == milliseconds


@given(st.lists(st.integers(0, 100_000), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_never_outside_of_the_bucket_of_the_true_one(
    times: list[int], part: float
) -> None:
    counts = [0] * BUCKETS
    for time in times:
        counts[bucket_of(time)] += 1
    place = max(0, -int(-part * len(times) // 1) - 1)  # the smallest rank that reaches the part
    true = sorted(times)[min(place, len(times) - 1)]
    edges = [0, *BOUNDS]
    low, high = edges[bucket_of(true)], [*BOUNDS, BOUNDS[-1]][bucket_of(true)]
    assert low <= quantile(counts, part) <= high
