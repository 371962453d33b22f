"""Keys held to their limits."""

from msgspec import structs

from chat2api_core.keys import ApiKey
from chat2api_core.metering.quota import Gauge, Quota, Standing
from chat2api_core.metering.tally import Tally
from chat2api_core.problem import Kind
from chat2api_core.secret import Secret
from tests.asgi import play
from tests.metering.conftest import USE, Parts

KEY = ApiKey(Secret("sk-ann"))
# The clock stands at 08:13:20, with 40 s left of the minute and 56,800 s of the day.
MINUTE, DAY = 40.0, 56_800.0


def parts_of(parts: Parts) -> tuple[Quota, Tally]:
    tally = parts.tally()
    return Quota(parts.store, tally, parts.clock), tally


def test_a_key_without_limits_asks_nobody(parts: Parts) -> None:
    async def run() -> None:
        parts.inner.trouble = "wrong"
        quota, _ = parts_of(parts)
        assert await quota.take(KEY) == Standing()

    play(run())


def test_requests_count_down_until_the_minute_is_over(parts: Parts) -> None:
    async def run() -> None:
        quota, _ = parts_of(parts)
        key = structs.replace(KEY, requests_per_minute=2)
        assert await quota.take(key) == Standing(Gauge(2, 1, MINUTE))
        assert await quota.take(key) == Standing(Gauge(2, 0, MINUTE))
        refused = await quota.take(key)
        assert refused.requests == Gauge(2, 0, MINUTE)
        assert refused.refusal is not None
        assert refused.refusal.kind is Kind.RATE_LIMITED
        assert refused.refusal.retry_after == MINUTE
        assert "2 requests a minute" in refused.refusal.message
        parts.clock.advance(MINUTE)
        assert await quota.take(key) == Standing(Gauge(2, 1, 60.0))

    play(run())


def test_all_instances_count_the_same_requests(parts: Parts) -> None:
    async def run() -> None:
        one, other = parts_of(parts)[0], parts_of(parts)[0]
        key = structs.replace(KEY, requests_per_minute=1)
        assert (await one.take(key)).refusal is None
        assert (await other.take(key)).refusal is not None

    play(run())


def test_the_answer_that_crosses_the_line_is_the_last_of_the_day(parts: Parts) -> None:
    async def run() -> None:
        quota, tally = parts_of(parts)
        key = structs.replace(KEY, tokens_per_day=20, requests_per_minute=9)
        used = structs.replace(USE, key=key.fingerprint, limited=True)  # 15 tokens
        assert (await quota.take(key)).tokens == Gauge(20, 20, DAY)
        tally.note(used)
        assert (await quota.take(key)).tokens == Gauge(20, 5, DAY)  # not written yet, but known
        await tally.settle()
        assert (await quota.take(key)).tokens == Gauge(20, 5, DAY)
        tally.note(used)
        await tally.settle()
        refused = await quota.take(key)
        assert refused.tokens == Gauge(20, 0, DAY)
        assert refused.requests is None
        assert refused.refusal is not None
        assert refused.refusal.retry_after == DAY
        assert "20 tokens a day" in refused.refusal.message
        parts.clock.advance(DAY)
        assert (await quota.take(key)).tokens == Gauge(20, 20, 86_400.0)

    play(run())


def test_a_store_that_is_down_limits_by_what_this_process_knows(parts: Parts) -> None:
    async def run() -> None:
        parts.inner.trouble = "down"
        quota, _ = parts_of(parts)
        key = structs.replace(KEY, requests_per_minute=1)
        assert (await quota.take(key)).refusal is None
        assert (await quota.take(key)).refusal is not None

    play(run())
