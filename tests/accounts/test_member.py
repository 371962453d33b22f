"""What an account's tokens say of it, and how well its plan fits a model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.member import Member, member_of, rank, verdict
from chat2api_core.accounts.standing import NOTHING, Out, Rest, Standing
from chat2api_core.emulator.tokens import make_access_token
from chat2api_core.secret import Secret

NOW = 1_787_300_000.0
TOKEN = Secret(make_access_token(user_id="u", account_id="w", plan="team", exp=int(NOW)))
OTHER = Secret(make_access_token(user_id="v", account_id="x", plan="free"))


class TestTokens:
    def test_an_access_token_tells_whose_it_is(self) -> None:
        member = member_of(Account(access_token=TOKEN))

        assert (member.plan, member.identity, member.offer) == ("team", "web: u in w", "web/team")
        assert member.expires == NOW

    def test_an_id_token_tells_it_before_the_first_exchange(self) -> None:
        account = Account(refresh_token=Secret("rt_x"), id_token=TOKEN, type="codex")
        member = member_of(account)

        assert (member.identity, member.offer) == ("codex: u in w", "codex/team")
        assert member.expires == 0, "it can be renewed"

    def test_but_an_access_token_goes_first(self) -> None:
        assert member_of(Account(access_token=OTHER, id_token=TOKEN)).identity == "web: v in x"

    def test_a_configured_workspace_goes_before_the_one_of_the_token(self) -> None:
        account = Account(access_token=TOKEN, account_id="team")
        assert member_of(account).identity == "web: u in team"

    @pytest.mark.parametrize("id_token", ["", "nonsense"])
    def test_who_says_nothing_is_nobody_known(self, id_token: str) -> None:
        account = Account(access_token=Secret("opaque"), id_token=Secret(id_token))
        member = member_of(account)

        assert (member.plan, member.identity, member.offer, member.expires) == ("", "", "web/", 0)


class TestVerdicts:
    MEMBER = member_of(Account(access_token=TOKEN))

    def test_a_token_works_up_to_its_end(self) -> None:
        assert verdict(self.MEMBER, NOTHING, "m", NOW - 1).why_not is None
        out = verdict(self.MEMBER, NOTHING, "m", NOW).why_not
        assert isinstance(out, Out)
        assert out.since == NOW

    def test_out_goes_before_resting(self) -> None:
        rest, out = Rest(NOW + 1, "BUSY", "Busy."), Out(NOW - 9, "UNAUTHORIZED", "Dead.")

        assert verdict(self.MEMBER, Standing({"": rest}, out), "m", NOW - 5).why_not is out
        assert verdict(self.MEMBER, Standing({"": rest}), "m", NOW - 5).why_not is rest

    def test_after_a_rest_it_is_to_be_probed(self) -> None:
        rest = Rest(NOW - 10, "BUSY", "Busy.")
        judged = verdict(self.MEMBER, Standing({"m": rest}), "m", NOW - 5)

        assert judged.why_not is None
        assert judged.scope == "m"


OFFERS = {"web/free": frozenset({"auto", "mini"}), "web/plus": frozenset({"auto", "mini", "pro"})}


def of_plan(plan: str) -> Member:
    return Member(Account(), "key", plan, "", 0)


@pytest.mark.parametrize(
    ("plan", "model", "expected"),
    [
        ("free", "", 0),
        ("free", "auto", 0),
        ("free", "mini", 0),
        ("free", "pro", 2),
        ("free", "unheard-of", 0),
        ("plus", "pro", 0),
        ("team", "pro", 0),
        ("", "pro", 0),
    ],
)
def test_an_account_is_passed_over_only_where_lists_say_so(
    plan: str, model: str, expected: int
) -> None:
    assert rank(of_plan(plan), model, OFFERS) == expected


@given(model=st.text(), plan=st.sampled_from(["", "free", "plus"]))
def test_where_no_list_is_known_only_free_accounts_come_later(model: str, plan: str) -> None:
    last = plan == "free" and model not in ("", "auto")
    assert rank(of_plan(plan), model, {}) == (1 if last else 0)
