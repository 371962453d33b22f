"""Signing in to the Codex client at the auth host: in a browser, or by a code shown on a device.

The emulator has nobody who types passwords: opening the page of either way is the consent, and the
demo account is who signs in.
"""

import html
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct

from chat2api_core.emulator.accounts import CODEX_CLIENT
from chat2api_core.emulator.bodies import read
from chat2api_core.emulator.endpoints import login
from chat2api_core.emulator.exchange import Answer, Refused, ok, refusal
from chat2api_core.emulator.signins import challenge_of
from chat2api_core.emulator.world import Visit, World

# Where the codes of devices are redeemed: an address of the auth host's own.
DEVICE_CALLBACK = "/deviceauth/callback"
_FORM = "application/x-www-form-urlencoded"
_LOCAL = ("http://localhost:", "http://127.0.0.1:")
_PAGE = "<!DOCTYPE html><title>Codex</title><h1>{}</h1><form>Code: <input name=user_code></form>"


class _Begin(Struct):
    client_id: str = ""


class _Poll(Struct):
    device_auth_id: str = ""
    user_code: str = ""


def authorize(world: World, visit: Visit) -> Answer:
    """``GET /oauth/authorize``: straight back to the client, with a code."""
    asked = visit.call.query
    back = asked.get("redirect_uri", "")
    right = (
        asked.get("response_type") == "code"
        and asked.get("client_id") == CODEX_CLIENT
        and asked.get("code_challenge_method") == "S256"
        and bool(asked.get("code_challenge"))
        and bool(asked.get("state"))
        and "openid" in asked.get("scope", "")
    )
    if not right or not back.startswith(_LOCAL):
        raise Refused(refusal(400, "invalid_request"))
    code = world.signins.grant(asked["code_challenge"], back)
    target = f"{back}?{urlencode({'code': code, 'state': asked['state']})}"
    return Answer(302, b"", "", (("location", target),))


def begin(world: World, visit: Visit) -> Answer:
    """``POST /api/accounts/deviceauth/usercode``: a code to show."""
    body = read(visit.call.body, _Begin, visit.call.header("content-type"))
    if body.client_id != CODEX_CLIENT:
        raise Refused(refusal(400, "unknown client_id"))
    device_id, user_code = world.signins.begin()
    return ok({"device_auth_id": device_id, "user_code": user_code, "interval": "5"})


def approve(world: World, visit: Visit) -> Answer:
    """``GET /codex/device``: the page where a person enters the code."""
    user_code = visit.call.query.get("user_code", "")
    title = "Enter the code"
    if user_code:
        known = world.signins.approve(user_code.strip().upper())
        title = "Signed in" if known else f"Nobody shows the code {user_code}"
    return Answer(200, _PAGE.format(html.escape(title)).encode(), "text/html; charset=utf-8")


def poll(world: World, visit: Visit) -> Answer:
    """``POST /api/accounts/deviceauth/token``: 403 until the code was entered."""
    body = read(visit.call.body, _Poll, visit.call.header("content-type"))
    if not world.signins.poll(body.device_auth_id, body.user_code):
        raise Refused(Answer(403, ok({"error": "authorization_pending"}).body))
    verifier = world.ids.hex(64)
    challenge = challenge_of(verifier)
    code = world.signins.grant(challenge, _device_callback(visit))
    answer = {"authorization_code": code, "code_verifier": verifier, "code_challenge": challenge}
    return ok(answer)


def token(world: World, visit: Visit) -> Answer:
    """``POST /oauth/token``: tokens for a code, or for a refresh token."""
    call = visit.call
    if not call.header("content-type").startswith(_FORM):
        return login.refresh(world, visit)
    form = dict(parse_qsl(call.body.decode("latin-1")))
    if form.get("grant_type") != "authorization_code":
        return login.refresh(world, visit)
    if form.get("client_id") != CODEX_CLIENT:
        raise Refused(Answer(400, ok({"error": "invalid_client"}).body))
    verifier, back = form.get("code_verifier", ""), form.get("redirect_uri", "")
    world.signins.redeem(form.get("code", ""), verifier, back)
    return ok(world.registry.sign_in())


def _device_callback(visit: Visit) -> str:
    """The address that the real service wants to hear; this one is wherever it was called."""
    host = visit.call.header("host")
    return f"http://{host}{DEVICE_CALLBACK}"
