"""Signing in at the auth host: with a browser, and with a code."""

import asyncio
import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from chat2api_core.emulator import Emulator
from chat2api_core.emulator.exchange import Refused
from chat2api_core.emulator.signins import Signins, challenge_of
from tests.emulator.browser import Request, Response, drive
from tests.fakes import FakeClock, FakeIds

CODEX = "app_EMoamEEZ73f0CkXaXp7hrann"
BACK = "http://localhost:1455/auth/callback"
VERIFIER = "v" * 64
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)
ASKED = {
    "response_type": "code",
    "client_id": CODEX,
    "redirect_uri": BACK,
    "scope": "openid profile email offline_access",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "state": "s",
}
FORM = "application/x-www-form-urlencoded"


def get(emulator: Emulator, path: str, **query: str) -> Response:
    return asyncio.run(drive(emulator, Request("GET", path, query=urlencode(query))))


def post(emulator: Emulator, path: str, body: Any) -> Response:
    headers = {"content-type": "application/json", "host": "auth.example"}
    return asyncio.run(drive(emulator, Request("POST", path, headers, json.dumps(body).encode())))


def redeem(emulator: Emulator, **fields: str) -> Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": CODEX,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }
    body = urlencode(form | fields).encode()
    return asyncio.run(
        drive(emulator, Request("POST", "/oauth/token", {"content-type": FORM}, body))
    )


def granted(emulator: Emulator) -> str:
    """The code that a browser brings back."""
    answer = get(emulator, "/oauth/authorize", **ASKED)
    assert answer.status == 302
    back = urlsplit(answer.header("location"))
    assert answer.header("location").startswith(BACK)
    said = parse_qs(back.query)
    assert said["state"] == ["s"]
    return said["code"][0]


def test_a_browser_brings_a_code_that_is_good_for_tokens(emulator: Emulator) -> None:
    tokens = redeem(emulator, code=granted(emulator)).json
    assert tokens["access_token"].startswith("eyJ")
    assert tokens["refresh_token"].startswith("rt_")
    assert tokens["id_token"]


def test_a_code_is_good_once(emulator: Emulator) -> None:
    code = granted(emulator)
    assert redeem(emulator, code=code).status == 200
    assert redeem(emulator, code=code).json["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": "ac_unknown"},
        {"code_verifier": "w" * 64},
        {"redirect_uri": "http://localhost:1/auth/callback"},
        {"client_id": "app_other"},
    ],
)
def test_a_code_is_good_with_its_own_words_only(emulator: Emulator, wrong: dict[str, str]) -> None:
    assert redeem(emulator, **({"code": granted(emulator)} | wrong)).status == 400


def test_a_code_ends(emulator: Emulator, clock: FakeClock) -> None:
    code = granted(emulator)
    clock.advance(901)
    assert redeem(emulator, code=code).status == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"response_type": "token"},
        {"client_id": "app_other"},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"state": ""},
        {"scope": "profile"},
        {"redirect_uri": "https://evil.example/"},
    ],
)
def test_a_page_that_is_asked_for_wrongly_is_refused(
    emulator: Emulator, wrong: dict[str, str]
) -> None:
    assert get(emulator, "/oauth/authorize", **(ASKED | wrong)).status == 400


def begun(emulator: Emulator) -> Any:
    answer = post(emulator, "/api/accounts/deviceauth/usercode", {"client_id": CODEX})
    assert answer.json["interval"] == "5"
    return {name: answer.json[name] for name in ("device_auth_id", "user_code")}


def poll(emulator: Emulator, device: Any) -> Response:
    return post(emulator, "/api/accounts/deviceauth/token", device)


def test_a_device_waits_until_its_code_was_entered(emulator: Emulator) -> None:
    device = begun(emulator)
    assert poll(emulator, device).status == 403
    assert (
        "Signed in" in get(emulator, "/codex/device", user_code=device["user_code"]).body.decode()
    )
    answer = poll(emulator, device).json
    code, verifier = answer["authorization_code"], answer["code_verifier"]
    assert answer["code_challenge"] == challenge_of(verifier)
    back = "http://auth.example/deviceauth/callback"
    assert redeem(emulator, code=code, code_verifier=verifier, redirect_uri=back).status == 200
    assert poll(emulator, device).status == 404, "a code is told once"


def test_a_wrong_code_signs_nobody_in(emulator: Emulator) -> None:
    device = begun(emulator)
    page = get(emulator, "/codex/device", user_code="<b>XXXX").body.decode()
    assert "Nobody shows the code &lt;b&gt;" in page
    assert "Enter the code" in get(emulator, "/codex/device").body.decode()
    assert poll(emulator, device).status == 403
    assert poll(emulator, device | {"user_code": "XXXX-XXXX"}).status == 404


def test_a_device_waits_for_its_time_only(emulator: Emulator, clock: FakeClock) -> None:
    device = begun(emulator)
    clock.advance(901)
    assert "Nobody" in get(emulator, "/codex/device", user_code=device["user_code"]).body.decode()
    assert poll(emulator, device).status == 404


def test_an_unknown_client_gets_no_code(emulator: Emulator) -> None:
    asked = {"client_id": "app_other"}
    assert post(emulator, "/api/accounts/deviceauth/usercode", asked).status == 400


def test_a_reset_forgets_who_is_signing_in(emulator: Emulator) -> None:
    device = begun(emulator)
    emulator.reset()
    assert poll(emulator, device).status == 404


def test_refresh_tokens_are_taken_at_the_same_place(emulator: Emulator) -> None:
    tokens = redeem(emulator, code=granted(emulator)).json
    asked = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert redeem(emulator, **asked).json["refresh_token"] != tokens["refresh_token"]


def test_only_so_many_are_kept() -> None:
    signins = Signins(FakeClock(), FakeIds())
    first = signins.grant(challenge_of("v"), BACK)
    device, user_code = signins.begin()
    for _ in range(1_000):
        signins.grant(CHALLENGE, BACK)
        signins.begin()
    with pytest.raises(Refused):
        signins.redeem(first, "v", BACK)
    with pytest.raises(Refused):
        signins.poll(device, user_code)
