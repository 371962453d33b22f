"""Signing in through a browser, the pure part."""

import base64
import hashlib
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from chat2api_core.ambient import SystemIds
from chat2api_core.login.pkce import Attempt, begin, page, read_callback
from chat2api_core.problem import Problem
from tests.fakes import FakeIds

ATTEMPT = Attempt("v" * 64, "state-1", "http://localhost:1455/auth/callback")


def test_the_page_is_the_one_that_the_codex_client_opens() -> None:
    address = urlsplit(page(ATTEMPT, "https://auth.example"))
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    digest = hashlib.sha256(b"v" * 64).digest()
    assert address[:3] == ("https", "auth.example", "/oauth/authorize")
    assert asked == {
        "response_type": "code",
        "client_id": "app_EMoamEEZ73f0CkXaXp7hrann",
        "redirect_uri": "http://localhost:1455/auth/callback",
        "scope": "openid profile email offline_access",
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
        "id_token_add_organizations": "true",
        "codex_cli_simplified_flow": "true",
        "state": "state-1",
    }


def test_every_try_has_its_own_words() -> None:
    first, second = begin(SystemIds()), begin(SystemIds())
    assert first.verifier != second.verifier
    assert first.state != second.state
    assert 43 <= len(first.verifier) <= 128
    assert "v" * 64 not in repr(ATTEMPT)


def test_another_port_comes_back_to_it() -> None:
    assert begin(FakeIds(), 9).redirect_uri == "http://localhost:9/auth/callback"


def callback(**said: str) -> str | None:
    return read_callback(f"/auth/callback?{urlencode(said)}", ATTEMPT)


def test_the_code_is_read_off_the_callback() -> None:
    assert callback(code="c", state="state-1") == "c"


def test_another_address_is_none_of_ours() -> None:
    assert read_callback("/favicon.ico?code=c&state=state-1", ATTEMPT) is None


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"code": "c", "state": "other"}, "another sign-in"),
        ({"code": "c"}, "another sign-in"),
        ({"code": "c", "state": "ä"}, "another sign-in"),
        ({"error": "access_denied", "state": "state-1"}, "refused in the browser"),
        ({"state": "state-1"}, "refused in the browser"),
    ],
)
def test_a_callback_that_is_not_good_is_a_problem(said: dict[str, str], words: str) -> None:
    with pytest.raises(Problem, match=words):
        callback(**said)
