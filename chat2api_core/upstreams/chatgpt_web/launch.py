"""Putting a turn to ChatGPT: the sentinel, the preparation and the conversation itself.

In: a prompt and the site that is asked. Out: the stream, once it has begun. Behind a gateway of the
user's own that does the rest (CONVERSATION_ONLY) it is the conversation alone. Raises ``Problem``.
"""

import asyncio
from typing import NamedTuple

from chat2api_core.ambient import Clock, Ids
from chat2api_core.config import Settings
from chat2api_core.problem import Kind, Problem
from chat2api_core.transport import Reply
from chat2api_core.turn import Prompt, Thread
from chat2api_core.upstreams.chatgpt_web.attachments import Uploaded
from chat2api_core.upstreams.chatgpt_web.commission import check_form
from chat2api_core.upstreams.chatgpt_web.course import Turn
from chat2api_core.upstreams.chatgpt_web.headers import SentinelTokens, conversation_headers
from chat2api_core.upstreams.chatgpt_web.proof import Browser
from chat2api_core.upstreams.chatgpt_web.request import (
    Outgoing,
    continue_body,
    conversation_body,
    legacy_body,
)
from chat2api_core.upstreams.chatgpt_web.requirements import read_conduit
from chat2api_core.upstreams.chatgpt_web.sentinel import Cleared, Form, Sentinel
from chat2api_core.upstreams.chatgpt_web.site import Site
from chat2api_core.upstreams.chatgpt_web.sites import Sites

_PREPARE = "/f/conversation/prepare"
_PATHS: dict[Form, str] = {"current": "/f/conversation", "legacy": "/conversation"}


class Launched(NamedTuple):
    """A turn under way: what was sent, and the stream that has begun."""

    turn: Turn
    outgoing: Outgoing
    reply: Reply


class Launcher:
    """Launches turns."""

    def __init__(self, sites: Sites, *, settings: Settings, clock: Clock, ids: Ids) -> None:
        self._sites = sites
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._sentinel = Sentinel(
            browser=Browser(settings.user_agent),
            algorithm=settings.pow_algorithm,
            pow_limit=settings.pow_difficulty,
            pow_timeout=settings.pow_timeout,
            clock=clock,
            ids=ids,
        )

    async def begin(self, prompt: Prompt, site: Site, uploaded: Uploaded) -> Launched:
        """Begin a turn, in the form that the site knows. ``uploaded`` has every picture and file
        that is sent."""
        turn = Turn(site, self._sites.form(site), prompt, self._ids.uuid())
        outgoing = self._outgoing(turn, uploaded)
        reply = await self._launch(turn, outgoing)
        if reply is None:
            self._sites.outdated(site)
            turn = Turn(site, "legacy", prompt, turn.trace_id)
            outgoing = self._outgoing(turn, uploaded)
            reply = await self._launch(turn, outgoing)
        if reply is None:
            message = "ChatGPT knows neither form of its protocol. Check CHATGPT_BASE_URL."
            raise Problem(Kind.UPSTREAM_ERROR, message, step="sentinel")
        return Launched(turn, outgoing, reply)

    async def extend(self, turn: Turn, thread: Thread) -> Reply | None:
        """Go on with a turn that stopped at the model's limit, after the message ``thread`` names;
        None if the site does not know how."""
        outgoing = continue_body(
            turn.prompt,
            thread,
            ids=self._ids,
            history_disabled=self._settings.history_disabled,
            legacy=turn.form == "legacy",
        )
        return await self._launch(turn, outgoing)

    def _outgoing(self, turn: Turn, uploaded: Uploaded) -> Outgoing:
        disabled = self._settings.history_disabled
        if turn.form == "legacy":
            check_form(turn.prompt)
            return legacy_body(
                turn.prompt, ids=self._ids, history_disabled=disabled, uploaded=uploaded
            )
        return conversation_body(
            turn.prompt,
            ids=self._ids,
            now=self._clock.now(),
            history_disabled=disabled,
            uploaded=uploaded,
        )

    async def _launch(self, turn: Turn, outgoing: Outgoing) -> Reply | None:
        """Clear the sentinel, announce the turn and begin it; None if the site does not know this
        form. The first two do not depend on each other, so they run side by side."""
        preparing = asyncio.create_task(self._prepare(turn, outgoing))
        try:
            cleared = await self._clear(turn)
            if cleared is None:
                return None
            conduit = await preparing
        finally:
            if not preparing.done():
                preparing.cancel()
                await asyncio.wait([preparing])
            if not preparing.cancelled():
                preparing.exception()  # what stopped us came first; this one is not lost on anybody
        extra = conversation_headers(cleared.tokens, conduit=conduit, trace_id=turn.trace_id)
        return await turn.site.open(
            _PATHS[turn.form],
            outgoing.body,
            extra=extra,
            turnstile_asked=cleared.turnstile_asked,
            arkose_asked=cleared.arkose_asked,
        )

    async def _clear(self, turn: Turn) -> Cleared | None:
        if self._settings.conversation_only:
            return Cleared(SentinelTokens(""))
        page = await self._sites.page(turn.site)
        return await self._sentinel.clear(turn.site, page, turn.form)

    async def _prepare(self, turn: Turn, outgoing: Outgoing) -> str:
        """Announce the turn; the token that connects the announcement with it, if there is one."""
        if not outgoing.prepare or self._settings.conversation_only:
            return ""
        answer = await turn.site.post(_PREPARE, outgoing.prepare, step="conversation")
        return read_conduit(answer) if answer is not None else ""
