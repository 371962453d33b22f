"""Through which proxy a request leaves."""

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.egress import Egress
from chat2api_core.secret import Secret

PLAIN = Account()


def test_without_proxies_there_is_none() -> None:
    egress = Egress(())

    assert [egress.proxy(PLAIN) for _ in range(2)] == ["", ""]


def test_the_global_ones_take_turns() -> None:
    egress = Egress([Secret("http://one"), Secret("http://two")])

    assert [egress.proxy(PLAIN) for _ in range(3)] == ["http://one", "http://two", "http://one"]


def test_an_accounts_own_goes_first_and_takes_nobodys_turn() -> None:
    egress = Egress([Secret("http://one"), Secret("http://two")])
    own = Account(proxy=Secret("socks5://own"))

    assert egress.proxy(PLAIN) == "http://one"
    assert egress.proxy(own) == "socks5://own"
    assert egress.proxy(PLAIN) == "http://two"
