"""An account's names, and what its access token says."""

import uuid

import msgspec
import pytest

from chat2api_core.accounts.account import Account, Claims, read_claims
from chat2api_core.emulator.tokens import make_access_token
from chat2api_core.secret import Secret


class TestKey:
    def test_it_hangs_on_the_longest_lived_credential(self) -> None:
        before = Account(access_token=Secret("one"), refresh_token=Secret("rt_x"))
        after = msgspec.structs.replace(before, access_token=Secret("two"))

        assert before.key == after.key

    def test_it_stays_when_every_token_is_renewed(self) -> None:
        before = Account(refresh_token=Secret("rt_x"))
        after = msgspec.structs.replace(before, refresh_token=Secret("rt_y"), handle=before.key)

        assert after.key == before.key
        assert after.device_id == before.device_id

    def test_workspaces_of_one_login_are_different_accounts(self) -> None:
        token = Secret("one")

        assert Account(access_token=token).key != Account(access_token=token, account_id="w").key

    def test_it_gives_nothing_away(self) -> None:
        assert "secret-token" not in Account(access_token=Secret("secret-token")).key

    def test_the_device_id_is_a_uuid_and_stable(self) -> None:
        account = Account(access_token=Secret("one"))

        assert str(uuid.UUID(account.device_id)) == account.device_id
        assert account.device_id == Account(access_token=Secret("one")).device_id

    def test_no_credential_at_all_is_anonymous(self) -> None:
        assert Account().anonymous
        assert not Account(session_token=Secret("s")).anonymous


class TestClaims:
    def test_they_are_read_from_the_middle_part(self) -> None:
        token = make_access_token(account_id="acc-1", plan="plus", exp=1_800_000_000)

        claims = read_claims(Secret(token))

        assert claims.account_id == "acc-1"
        assert claims.plan == "plus"
        assert claims.expires == 1_800_000_000

    @pytest.mark.parametrize(
        "text",
        ["", "abc", "a.b", "a.b.c", "a.!!!.c", "a.bm90IGpzb24.c", "a.W10.c", "a.b.c.d"],
    )
    def test_anything_else_claims_nothing(self, text: str) -> None:
        assert read_claims(Secret(text)) == Claims()
