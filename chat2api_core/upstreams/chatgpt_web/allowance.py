"""What an account may still use of limited features, asked outright.

In: an account. Out: its ``Limits``, for whoever wants to know of every account's. The one rule:
this is for people who look, and no part of a turn: an answer brings the same along by itself.
Source of the call: seen in the web client, which makes it before a chat is begun.
"""

import msgspec
from msgspec import Struct

from chat2api_core.accounts.account import Account
from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.client import ChatGptWeb, LimitsSeen
from chat2api_core.upstreams.chatgpt_web.notice import limits_of

_PATH = "/conversation/init"


class _Init(Struct):
    gizmo_id: str | None = None
    requested_default_model: str | None = None
    conversation_id: str | None = None
    timezone_offset_min: int = 0
    conversation_origin: str | None = None
    system_hints: tuple[str, ...] = ()


_BODY = msgspec.json.encode(_Init())


class Allowance:
    """Asks. ``seen`` is told the key of the account and what it may still use."""

    def __init__(self, web: ChatGptWeb, seen: LimitsSeen) -> None:
        self._web = web
        self._seen = seen

    async def ask(self, account: Account) -> bool:
        """Whether ChatGPT tells. Raises ``Problem`` of step "quota"."""
        body = await self._web.site(account).post(_PATH, _BODY, step="quota")
        if body is None:
            return False  # a mirror of the site need not have it
        try:
            limits = limits_of(msgspec.json.decode(body, type=dict[str, object]))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = "ChatGPT's answer about limits could not be understood."
            raise Problem(Kind.GARBAGE, message, step="quota") from error
        self._seen(account.key, limits)
        return bool(limits)
