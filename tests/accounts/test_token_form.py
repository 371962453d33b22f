"""Credentials told by their looks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.token_form import account_of, form_of, is_account_id, is_visible
from chat2api_core.secret import Secret


@pytest.mark.parametrize(
    ("token", "form"),
    [
        ("eyJhbGciOi.eyJleHAi.c2ln", "access"),
        ("eyJ.at.sig", "access"),
        ("eyJ.at.", "opaque"),
        ("eyJ.at", "opaque"),
        ("abc.at.sig", "opaque"),
        ("eyJhbGciOiJkaXIi..aXY.Y2lwaGVy.dGFn", "session"),
        ("eyJ.a.b.c", "opaque"),
        ("rt_demo", "refresh"),
        ("rt_a.b-c_d", "refresh"),
        ("rt_", "opaque"),
        ("v1." + "x" * 42, "refresh"),
        ("x" * 45, "refresh"),
        ("x" * 44, "opaque"),
        ("x" * 46, "opaque"),
        ("sk-" + "x" * 42, "opaque"),
        ("fk-" + "x" * 42, "opaque"),
        ("sess-" + "x" * 40, "opaque"),
        ("x" * 44 + "!", "opaque"),
        ("eyJ.at.sig\n", "opaque"),
        ("", "opaque"),
    ],
)
def test_the_form_of_a_token(token: str, form: str) -> None:
    assert form_of(token) == form


def test_an_account_holds_the_token_in_the_place_of_its_form() -> None:
    secret = Secret("eyJ.at.sig")
    assert account_of("eyJ.at.sig", "team") == Account(access_token=secret, account_id="team")
    assert account_of("rt_1") == Account(refresh_token=Secret("rt_1"))
    assert account_of("eyJ....") == Account(session_token=Secret("eyJ...."))
    assert account_of("fk-own") == Account(access_token=Secret("fk-own"))


@given(st.text())
def test_no_text_is_refused_and_an_account_from_it_does_not_show_it(text: str) -> None:
    token = f"<{text}>"
    assert form_of(token) == "opaque"
    assert token not in repr(account_of(token))


@pytest.mark.parametrize(
    ("text", "fits"),
    [("11111111-aaaa-4bbb-8ccc-222222222222", True), ("org-1_a", True), ("", False),
     ("a/b", False), ("a b", False), ("x" * 65, False), ("ä", False)],
)  # fmt: skip
def test_what_may_be_an_account_id(text: str, fits: bool) -> None:
    assert is_account_id(text) is fits


@pytest.mark.parametrize(
    ("text", "fits"),
    [("sk-~!,", True), ("", False), ("a b", False), ("a\tb", False), ("a\r\nb", False),
     ("ä", False), ("\ud800", False), ("\x7f", False)],
)  # fmt: skip
def test_what_may_travel_as_a_credential(text: str, fits: bool) -> None:
    assert is_visible(text) is fits
