"""Signing in through a browser, as far as it is pure: the page to open, and what comes back.

In: a fresh verifier and state. Out: the address of the sign-in page; the code out of the callback.
The rule: a callback whose state is not ours is refused, whatever else it says. Source of the
address and its parameters: seen in the Codex command-line client; the challenge is RFC 7636's S256.
"""

import base64
import hashlib
import hmac
from urllib.parse import parse_qs, urlencode, urlsplit

from msgspec import Struct

from chat2api_core.accounts.account import CODEX_CLIENT
from chat2api_core.ambient import Ids
from chat2api_core.problem import Kind, Problem

# The only address that the service sends the browser back to.
CALLBACK_PORT = 1455
CALLBACK_PATH = "/auth/callback"
_SCOPE = "openid profile email offline_access"
_VERIFIER = 128  # hex digits: the longest verifier that RFC 7636 allows
_LONGEST_TARGET = 8_000


class Attempt(Struct, frozen=True):
    """One try to sign in."""

    verifier: str
    state: str
    redirect_uri: str

    def __repr__(self) -> str:
        return "Attempt('***')"


def begin(ids: Ids, port: int = CALLBACK_PORT) -> Attempt:
    """A fresh try that comes back to this port."""
    return Attempt(ids.hex(_VERIFIER), ids.hex(32), f"http://localhost:{port}{CALLBACK_PATH}")


def page(attempt: Attempt, auth_url: str) -> str:
    """The address to open in a browser."""
    digest = hashlib.sha256(attempt.verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": CODEX_CLIENT,
        "redirect_uri": attempt.redirect_uri,
        "scope": _SCOPE,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "id_token_add_organizations": "true",
        "codex_cli_simplified_flow": "true",
        "state": attempt.state,
    }
    return f"{auth_url}/oauth/authorize?{urlencode(asked)}"


def read_callback(target: str, attempt: Attempt) -> str | None:
    """The code in the address that the browser came back to; None for any other address.

    Raises ``Problem`` where the sign-in was refused or is not ours."""
    parts = urlsplit(target[:_LONGEST_TARGET])
    if parts.path != CALLBACK_PATH:
        return None
    said = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if not hmac.compare_digest(said.get("state", "").encode(), attempt.state.encode()):
        raise _refused("The browser came back from another sign-in than this one.")
    if "error" in said or not said.get("code"):
        raise _refused("The sign-in was refused in the browser.")
    return said["code"]


def _refused(message: str) -> Problem:
    return Problem(Kind.UNAUTHORIZED, message, step="auth")
