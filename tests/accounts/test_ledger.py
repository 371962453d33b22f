"""Who rests until when, and who holds which conversation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.accounts.ledger import Ledger
from chat2api_core.problem import Blame, Kind, Problem
from tests.fakes import FakeClock


class Desk:
    """A ledger and its clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ledger = Ledger(self.clock)

    def blame(self, kind: Kind, *, model: str = "m", wait: float | None = None) -> None:
        self.ledger.blame("a", model, Problem(kind, f"{kind.name}.", retry_after=wait))

    def wait(self, model: str = "m") -> float:
        """Seconds for which account "a" is not to be asked."""
        rest = self.ledger.rest("a", model)
        return 0 if rest is None else rest.until - self.clock.now()


class TestRests:
    @pytest.mark.parametrize(
        ("kind", "seconds"),
        [(Kind.RATE_LIMITED, 300), (Kind.UNAUTHORIZED, 60), (Kind.BUSY, 5)],
    )
    def test_some_kinds_rest_the_account_for_a_while(self, kind: Kind, seconds: float) -> None:
        desk = Desk()
        desk.blame(kind)

        assert desk.wait() == seconds
        rest = desk.ledger.rest("a", "m")
        assert rest is not None
        assert (rest.kind, rest.message) == (kind, f"{kind.name}.")

    @pytest.mark.parametrize("kind", [one for one in Kind if one.value.blame is not Blame.ACCOUNT])
    def test_what_is_not_the_accounts_fault_rests_nobody(self, kind: Kind) -> None:
        desk = Desk()
        desk.blame(kind, wait=1000)

        assert desk.wait() == 0

    def test_a_wait_that_the_upstream_tells_goes_before_ours(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED, wait=12)

        assert desk.wait() == 12

    def test_it_ends_at_its_time(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED, wait=12)
        desk.clock.advance(11.9)
        assert desk.wait() > 0

        desk.clock.advance(0.1)
        assert desk.wait() == 0
        assert desk.wait() == 0

    def test_other_accounts_go_on(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED)

        assert desk.ledger.rest("b", "m") is None

    def test_a_limit_concerns_the_model_that_met_it(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED, model="m")

        assert desk.wait("other") == 0

    @pytest.mark.parametrize("kind", [Kind.UNAUTHORIZED, Kind.BUSY])
    def test_a_refused_token_and_a_running_turn_concern_every_model(self, kind: Kind) -> None:
        desk = Desk()
        desk.blame(kind, model="m")

        assert desk.wait("other") > 0

    def test_a_shorter_rest_does_not_cut_a_longer_one(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED, wait=3600)
        desk.blame(Kind.RATE_LIMITED, wait=5)
        desk.blame(Kind.BUSY)

        desk.clock.advance(60)
        assert desk.wait() == 3540

    def test_a_longer_rest_takes_the_place_of_a_shorter_one(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED, wait=5)
        desk.blame(Kind.RATE_LIMITED, wait=3600)

        assert desk.wait() == 3600

    def test_a_success_ends_it(self) -> None:
        desk = Desk()
        desk.blame(Kind.UNAUTHORIZED)
        desk.blame(Kind.RATE_LIMITED, model="m")
        desk.blame(Kind.RATE_LIMITED, model="other", wait=70)
        desk.ledger.praise("a", "m")

        assert desk.wait() == 0
        assert desk.wait("other") == 70, "that model was not asked"

    def test_their_number_is_bounded_whatever_callers_bring(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED)
        limit = Problem(Kind.RATE_LIMITED, "Limit.")
        for number in range(9_999):
            desk.ledger.blame(f"stranger-{number}", "m", limit)
        assert desk.wait() == 300

        desk.ledger.blame("one too many", "m", limit)
        assert desk.wait() == 0
        assert desk.ledger.rest("stranger-0", "m") is not None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.sampled_from(["m", "n"]),
            st.floats(0, 1000),
            st.floats(0, 100),
        )
    )
)
def test_an_account_rests_until_the_latest_time_that_was_told(
    limits: list[tuple[str, str, float, float]],
) -> None:
    clock = FakeClock(0)
    ledger = Ledger(clock)
    latest: dict[tuple[str, str], float] = {}
    for account, model, wait, passing in limits:
        ledger.blame(account, model, Problem(Kind.RATE_LIMITED, "Limit.", retry_after=wait))
        latest[account, model] = max(latest.get((account, model), 0), clock.now() + wait)
        clock.advance(passing)
    for (account, model), until in latest.items():
        rest = ledger.rest(account, model)
        assert (rest.until if rest else None) == (until if until > clock.now() else None)


class TestConversations:
    def test_the_holder_is_remembered(self) -> None:
        ledger = Desk().ledger
        ledger.owns("a", "conv-1")
        ledger.owns("b", "conv-2")

        assert (ledger.owner("conv-1"), ledger.owner("conv-2")) == ("a", "b")
        assert ledger.owner("conv-3") == ""

    def test_the_last_holder_counts(self) -> None:
        ledger = Desk().ledger
        ledger.owns("a", "conv-1")
        ledger.owns("b", "conv-1")

        assert ledger.owner("conv-1") == "b"

    def test_the_ones_that_were_not_heard_of_for_longest_are_forgotten(self) -> None:
        ledger = Desk().ledger
        for number in range(10_000):
            ledger.owns("a", str(number))
        ledger.owns("a", "0")
        ledger.owns("a", "one too many")

        assert ledger.owner("0") == "a"
        assert ledger.owner("1") == ""
        assert ledger.owner("2") == "a"
