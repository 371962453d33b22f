"""What the benchmark prints, and what it makes of figures."""

import os

import pytest

from tests.bench.load import check, percentile
from tests.bench.process import clock_seconds, cpu_seconds, resident_bytes
from tests.bench.report import Goal, Row, Table
from tests.bench.wire import Answer


def test_a_table_shows_figures_as_measured_with_the_verdict_on_their_goal() -> None:
    rows = [
        Row("CPU ms", [1.5, 1.1], Goal(most=1.2), [1]),
        Row("rate", [1234.0, None]),
        Row("part", [0.5, 12.34], Goal(least=0.8)),
    ]
    title, *lines = Table("A title", ("at 1", "at 32"), rows).text().split("\n")
    assert title.split() == ["A", "title", "at", "1", "at", "32"]
    assert [" ".join(line.split()) for line in lines] == [
        "CPU ms 1.50 1.10 <= 1.2 met",
        "rate 1,234 -",
        "part 0.50 12.3 >= 0.8 MISSED",
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0:01.25", 1.25), ("12:00.00", 720.0), ("1:00:01", 3601.0), ("2-01:00:00", 176_400.0)],
)
def test_cpu_times_of_ps_are_read(text: str, seconds: float) -> None:
    assert clock_seconds(text) == seconds


def test_this_process_has_used_cpu_time_and_memory() -> None:
    assert 0 < cpu_seconds(os.getpid()) < 100_000
    assert resident_bytes(os.getpid()) > 5_000_000


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([5.0, 1.0, 3.0], 50) == 3.0
    assert percentile(list(range(101)), 99) == 99
    assert percentile([], 99) == 0.0


@pytest.mark.parametrize(
    ("status", "events", "first"), [(500, 20, 0.1), (200, 19, 0.1), (200, 20, 0.0)]
)
def test_a_turn_that_failed_spoils_the_run(status: int, events: int, first: float) -> None:
    answer = Answer(None)
    answer.status, answer.events, answer.first = status, events, first
    with pytest.raises(RuntimeError, match="a turn failed"):
        check(answer, 20)
