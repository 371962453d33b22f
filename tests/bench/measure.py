"""The measurements: each starts what it measures, puts a load on it, and makes a table.

In: a ``Plan``. Out: ``Table``s of medians over the repetitions, each with processes of its own. The
rule: what is compared is measured in turns, so that what else the machine does meets all alike.
"""

import contextlib
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from chat2api_core.emulator import DEMO_ACCESS_TOKEN
from tests.bench.load import Load, Outcome, run
from tests.bench.process import Server, resident_bytes, serving
from tests.bench.report import Goal, Row, Table
from tests.bench.starts import cold_starts
from tests.bench.turns import KEY, UpstreamName

_LEVELS = (1, 32, 256)
_COLUMNS = tuple(f"at {level}" for level in _LEVELS)
_MANY = (1, 2)  # the columns that have a goal: many at once
_TOKENS, _LONG = 20, 200
_SLOW = 0.02  # seconds per token of the slow streams
_MS, _US, _MB = 1e3, 1e6, 1e-6
_CPU_GOAL = Goal(most=1.2)
_EVENT_GOAL = Goal(most=10)
_CODEX_GOAL = Goal(most=12)
_ADDED_GOAL = Goal(most=3)
_STEADY = Goal(least=0.8)
_FIRST_GOAL = Goal(most=25)
_MEMORY_GOAL = Goal(most=80)


class Plan(Struct, frozen=True):
    """How much is measured. ``size`` scales the number of turns; ``settings`` are given to the
    server besides its usual ones; ``profile`` is a file for the profile of the last server."""

    repetitions: int = 3
    size: float = 1.0
    settings: Mapping[str, str] = {}
    profile: str = ""

    def turns(self, wanted: int, level: int) -> int:
        return max(round(wanted * self.size), 2 * level)


class _Pair(Struct, frozen=True):
    """A gateway, and the emulator that it asks."""

    gateway: Server
    emulator: Server

    def load(self, **how: object) -> Load:
        """A load on the gateway, or with ``direct`` on the emulator."""
        port = (self.emulator if how.get("direct") else self.gateway).port
        watch = (self.gateway.pid, self.emulator.pid)
        return msgspec.convert({"port": port, "watch": watch, **how}, Load)


@contextlib.contextmanager
def _pair(
    plan: Plan, *, pace: float = 0, upstream: UpstreamName = "web", **settings: str
) -> Iterator[_Pair]:
    command = ["-m", "chat2api_core.emulator", "--port", "0", "--delay-ms", str(pace * _MS)]
    with serving(command, {}, ready=r"listens on http://[^ ]*:(\d+)") as emulator:
        given = {
            "AUTH_TOKENS": KEY,
            "CHATGPT_ACCOUNTS": _account(upstream),
            "CHATGPT_BASE_URL": f"http://127.0.0.1:{emulator.port}",
            **plan.settings,
            **settings,
        }
        profiler = ["-m", "cProfile", "-o", plan.profile] if plan.profile else []
        server = [*profiler, "-m", "chat2api_core", "--port", "0"]
        with serving(server, given, ready=r"Base URL: http://[^ ]*:(\d+)") as gateway:
            yield _Pair(gateway, emulator)


def _account(upstream: UpstreamName) -> str:
    account = {"access_token": DEMO_ACCESS_TOKEN, "type": upstream}
    return msgspec.json.encode([account]).decode()


def requests(plan: Plan) -> Table:
    """Answers of 20 tokens, not streamed."""
    runs = [_levels(plan, _TOKENS, (250, 1500, 1500), stream=False) for _ in _times(plan)]
    cpu = _median(runs, lambda one: one.cpu[0] / one.turns * _MS)
    rate = _median(runs, lambda one: one.turns / one.wall)
    beside = _median(runs, lambda one: one.cpu[1] / one.turns * _MS)
    rows = [
        Row("CPU ms per request", cpu, _CPU_GOAL, _MANY),
        Row("requests per second", rate),
        Row("  at 256 as a part of those at 32", [None, None, rate[2] / rate[1]], _STEADY),
        Row("(the emulator's own CPU ms per request)", beside),
    ]
    return Table("20 tokens, not streamed", _COLUMNS, rows)


def events(plan: Plan) -> Table:
    """Streams of 200 tokens; the cost of the whole request is spread over its events."""
    runs = [_levels(plan, _LONG, (200, 800, 800), stream=True) for _ in _times(plan)]
    rate = _median(runs, lambda one: one.turns * _LONG / one.wall)
    rows = [
        Row("CPU us per event", _per_event(runs), _EVENT_GOAL, _MANY),
        Row("events per second", rate),
        Row("  at 256 as a part of those at 32", [None, None, rate[2] / rate[1]], _STEADY),
    ]
    return Table("200 tokens, streamed, as fast as they go", _COLUMNS, rows)


def first(plan: Plan) -> Table:
    """When the first content comes, against the same calls made without the gateway."""
    through, direct = [], []
    for _ in _times(plan):
        with _pair(plan) as pair:
            asked = [(level, plan.turns(wanted, level)) for level, wanted in _FIRST_TURNS]
            for level, turns in asked:
                load = pair.load(concurrency=level, turns=turns, tokens=_TOKENS)
                through.append((level, run(load).first_p50 * _MS))
                load = pair.load(concurrency=level, turns=turns, tokens=_TOKENS, direct=True)
                direct.append((level, run(load).first_p50 * _MS))
    ours, bare = _by_level(through), _by_level(direct)
    added = [mine - other for mine, other in zip(ours, bare, strict=True)]
    rows = [
        Row("first content, ms, p50", [*ours, None], _FIRST_GOAL, [1]),
        Row("  the same calls without the gateway", [*bare, None]),
        Row("  added by the gateway", [*added, None]),
    ]
    return Table("20 tokens, streamed", _COLUMNS, rows)


_FIRST_TURNS = ((1, 250), (32, 1500))


def _by_level(found: Sequence[tuple[int, float]]) -> list[float]:
    return [
        statistics.median(figure for at, figure in found if at == level)
        for level, _ in _FIRST_TURNS
    ]


def codex(plan: Plan) -> Table:
    """The Codex upstream: streams of 200 tokens through both APIs, and when the first content comes
    against the same call made without the gateway."""
    chat, responses, kept, first_ones = [], [], [], []
    for _ in _times(plan):
        with _pair(plan, upstream="codex") as pair:
            chat.append(_codex_levels(plan, pair, "chat/completions"))
            responses.append(_codex_levels(plan, pair, "responses"))
            kept.append(_codex_levels(plan, pair, "responses", store=True))
            turns = plan.turns(400, 1)
            first_ones.append(
                [
                    run(
                        pair.load(
                            concurrency=1, turns=turns, tokens=_TOKENS, upstream="codex", **how
                        )
                    )
                    for how in ({}, {"direct": True})
                ]
            )
    ours, bare = _median(first_ones, lambda one: one.first_p50 * _MS)
    rows = [
        Row("CPU us per event, chat completions", _per_event(chat), _CODEX_GOAL, _MANY),
        Row("CPU us per event, responses", _per_event(responses), _CODEX_GOAL, _MANY),
        Row("  the same, each kept in the database file", _per_event(kept)),
        Row("first content, ms, p50", [ours, None, None]),
        Row("  the same call without the gateway", [bare, None, None]),
        Row("  added by the gateway", [ours - bare, None, None], _ADDED_GOAL),
    ]
    return Table("Codex: 200 tokens, streamed, as fast as they go", _COLUMNS, rows)


def _codex_levels(plan: Plan, pair: _Pair, api: str, *, store: bool = False) -> list[Outcome]:
    loads = (
        pair.load(
            concurrency=level, turns=plan.turns(turns, level), tokens=_LONG, api=api, store=store
        )
        for level, turns in zip(_LEVELS, (200, 800, 800), strict=True)
    )
    return [run(load) for load in loads]


def _per_event(runs: Sequence[Sequence[Outcome]]) -> list[float]:
    return _median(runs, lambda one: one.cpu[0] / one.turns / _LONG * _US)


def slow(plan: Plan) -> Table:
    """256 open streams of 200 tokens, 20 ms each, every event in a packet of its own: memory, and
    how late tokens come. The tokenizer that counts exactly is an extra, and has its own row."""
    runs = [_slow_run(plan, "estimate") for _ in _times(plan)]
    exact = [_slow_run(plan, "auto") for _ in _times(plan)]
    last = [outcome for _, outcome in runs]
    bare = statistics.median(outcome.delay_p99 for outcome in _slow_direct(plan))
    late = statistics.median(one.delay_p99 for one in last)
    spent = statistics.median(one.cpu[0] / one.turns / _LONG for one in last)
    begun = statistics.median(one.first_p50 for one in last)
    rows = [
        Row("memory in MB, usage estimated", _memory(runs), _MEMORY_GOAL),
        Row("memory in MB, usage counted exactly", _memory(exact)),
        Row("CPU us per event", [None, None, spent * _US]),
        Row("first content, ms, p50", [None, None, begun * _MS]),
        Row("delay of a token, ms, p99", [None, None, late * _MS]),
        Row("  the same without the gateway", [None, None, bare * _MS]),
    ]
    return Table("200 tokens, streamed, 20 ms each", ("started", "idle", "256 open"), rows)


def _memory(runs: Sequence[tuple[Sequence[float], Outcome]]) -> list[float]:
    seen = [memory for memory, _ in runs]
    return [statistics.median(moment) * _MB for moment in zip(*seen, strict=True)]


def _slow_direct(plan: Plan) -> list[Outcome]:
    level = _LEVELS[-1]
    with _pair(plan, pace=_SLOW) as pair:
        load = pair.load(concurrency=level, turns=level, tokens=_LONG, pace=_SLOW, direct=True)
        return [run(load) for _ in _times(plan)]


def _slow_run(plan: Plan, counter: str) -> tuple[list[float], Outcome]:
    with _pair(plan, pace=_SLOW, USAGE_COUNTER=counter) as pair:
        before = resident_bytes(pair.gateway.pid)
        run(pair.load(concurrency=1, turns=1, tokens=_TOKENS, pace=_SLOW))
        idle = resident_bytes(pair.gateway.pid)
        load = pair.load(concurrency=_LEVELS[-1], turns=_LEVELS[-1], tokens=_LONG, pace=_SLOW)
        outcome = run(load)
        return [before, idle, outcome.resident], outcome


MEASUREMENTS: dict[str, Callable[[Plan], Table]] = {
    "requests": requests,
    "events": events,
    "first": first,
    "codex": codex,
    "slow": slow,
    "cold": lambda _: cold_starts(),
}


def _times(plan: Plan) -> range:
    return range(plan.repetitions)


def _levels(plan: Plan, tokens: int, wanted: Sequence[int], *, stream: bool) -> list[Outcome]:
    """One repetition: a fresh pair, and the same turns at each level."""
    with _pair(plan) as pair:
        return [
            run(
                pair.load(
                    concurrency=level,
                    turns=plan.turns(turns, level),
                    tokens=tokens,
                    stream=stream,
                )
            )
            for level, turns in zip(_LEVELS, wanted, strict=True)
        ]


def _median(runs: Sequence[Sequence[Outcome]], figure: Callable[[Outcome], float]) -> list[float]:
    """The median of a figure over the repetitions, for each level."""
    return [statistics.median(map(figure, level)) for level in zip(*runs, strict=True)]
