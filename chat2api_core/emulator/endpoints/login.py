"""Fresh access tokens: from a session cookie at the site, from a refresh token at the auth host."""

from urllib.parse import parse_qsl

from msgspec import Struct

from chat2api_core.emulator.accounts import CODEX_CLIENT, IOS_CLIENT, SESSION_COOKIE, Account
from chat2api_core.emulator.bodies import read
from chat2api_core.emulator.exchange import Answer, Call, Refused, ok
from chat2api_core.emulator.faults import NAMED
from chat2api_core.emulator.world import Visit, World

_FORM = "application/x-www-form-urlencoded"
_EXPIRES = "2099-01-01T00:00:00.000Z"
_MAX_CHUNKS = 8


class _Refresh(Struct):
    client_id: str = ""
    grant_type: str = ""
    refresh_token: str = ""
    redirect_uri: str = ""
    scope: str = ""


def session(world: World, visit: Visit) -> Answer:
    """``GET /api/auth/session``: an access token for the session cookie, which rotates.

    Somebody who is logged out gets an empty object."""
    found = world.registry.session(_session_token(visit.call))
    if found is None:
        return ok({})
    account, fresh = found
    cookie = f"{SESSION_COOKIE}={fresh}; Path=/; Expires=Thu, 01 Jan 2099 00:00:00 GMT"
    headers = (("set-cookie", f"{cookie}; HttpOnly; Secure; SameSite=Lax"),)
    return ok(_session_document(world, account, fresh), headers)


def refresh(world: World, visit: Visit) -> Answer:
    """``POST /oauth/token`` of the auth host.

    The iOS client sends JSON with its redirect URI; the Codex client sends a form, or JSON."""
    call = visit.call
    content_type = call.header("content-type")
    if content_type.startswith(_FORM):
        fields = dict(parse_qsl(call.body.decode("latin-1")))
        known = {name: fields[name] for name in _Refresh.__struct_fields__ if name in fields}
        body = _Refresh(**known)
    else:
        body = read(call.body, _Refresh, content_type)
    form = content_type.startswith(_FORM)
    if body.grant_type != "refresh_token":
        raise _error("unsupported_grant_type", "grant_type must be refresh_token")
    if body.client_id not in (IOS_CLIENT, CODEX_CLIENT):
        raise _error("invalid_client", "unknown client_id")
    if body.client_id == IOS_CLIENT and (form or not body.redirect_uri.startswith("com.openai.")):
        raise _error("invalid_request", "the iOS client sends JSON with its redirect_uri")
    if not body.refresh_token:
        raise Refused(NAMED["invalid_grant"])
    return ok(world.registry.refresh(body.client_id, body.refresh_token))


def _error(code: str, description: str) -> Refused:
    answer = ok({"error": code, "error_description": description})
    return Refused(Answer(400, answer.body))


def _session_token(call: Call) -> str:
    """The session cookie, put together if it came in numbered chunks."""
    cookies = call.cookies
    whole = cookies.get(SESSION_COOKIE)
    if whole is not None:
        return whole
    chunks = (cookies.get(f"{SESSION_COOKIE}.{number}", "") for number in range(_MAX_CHUNKS))
    return "".join(chunks)


def _session_document(world: World, account: Account, session_token: str) -> dict[str, object]:
    return {
        "user": {
            "id": account.user_id,
            "name": account.email.partition("@")[0],
            "email": account.email,
            "image": None,
            "picture": None,
            "idp": "auth0",
            "iat": int(world.clock.now()),
            "mfa": False,
            "groups": [],
            "intercom_hash": "",
        },
        "expires": _EXPIRES,
        "account": {
            "id": account.account_id,
            "planType": account.plan,
            "structure": "personal",
            "organizationId": None,
            "isConversationClassifierEnabledForWorkspace": False,
            "residencyRegion": "no_constraint",
        },
        "accessToken": world.registry.mint(account),
        "authProvider": "openai",
        "sessionToken": session_token,
    }
