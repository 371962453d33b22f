"""The ChatGPT web upstream: opens turns, and the bodies with which an answer goes on.

A turn is: the home page (remembered), the sentinel, the preparation and the conversation; behind a
gateway of the user's own that does all that (CONVERSATION_ONLY), the conversation alone.
"""

import asyncio
import logging
from itertools import count
from urllib.parse import quote

import msgspec

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.egress import Egress
from chat2api_core.ambient import Clock, Ids
from chat2api_core.config import Settings
from chat2api_core.problem import Kind, Problem
from chat2api_core.transport import Reply, Transport
from chat2api_core.turn import Prompt, Thread
from chat2api_core.upstreams.base import Model
from chat2api_core.upstreams.chatgpt_web.answer import Turn, WebAnswer
from chat2api_core.upstreams.chatgpt_web.catalog import read_models
from chat2api_core.upstreams.chatgpt_web.proof import Browser
from chat2api_core.upstreams.chatgpt_web.reader import Reader
from chat2api_core.upstreams.chatgpt_web.request import (
    Identity,
    Outgoing,
    SentinelTokens,
    continue_body,
    conversation_body,
    conversation_headers,
    legacy_body,
)
from chat2api_core.upstreams.chatgpt_web.requirements import read_conduit, read_current_node
from chat2api_core.upstreams.chatgpt_web.sentinel import Cleared, Form, Sentinel
from chat2api_core.upstreams.chatgpt_web.session import Sessions
from chat2api_core.upstreams.chatgpt_web.site import Pages, Site

_PREPARE = "/f/conversation/prepare"
_PATHS: dict[Form, str] = {"current": "/f/conversation", "legacy": "/conversation"}
_RESUME = "/f/conversation/resume"
_NO_TOKEN = "no-token"  # what the web client sends where it has none  # noqa: S105 (no secret)
_MODELS = "/models?history_and_training_disabled=false"
_MODELS_ANONYMOUS = "/models?iim=false&is_gizmo=false"

_log = logging.getLogger("chat2api.chatgpt_web")


class ChatGptWeb:
    """The upstream. Keeps home pages, cookies, and which form of the protocol a site speaks."""

    name = "web"
    native_tools = False

    def __init__(
        self,
        transport: Transport,
        *,
        settings: Settings,
        egress: Egress,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._egress = egress
        self._clock = clock
        self._ids = ids
        self._sessions = Sessions(ids)
        self._pages = Pages(clock)
        self._sentinel = Sentinel(
            browser=Browser(settings.user_agent),
            algorithm=settings.pow_algorithm,
            pow_limit=settings.pow_difficulty,
            pow_timeout=settings.pow_timeout,
            clock=clock,
            ids=ids,
        )
        self._turns = count()
        self._legacy_sites: set[str] = set()

    async def models(self, account: Account) -> tuple[Model, ...]:
        """What the account may use. Raises ``Problem`` of step "models"."""
        path = _MODELS_ANONYMOUS if account.anonymous else _MODELS
        return read_models(await self._site(account).get(path, step="models"))

    async def open(self, prompt: Prompt, account: Account) -> "WebAnswer":
        """Ask. Returns when ChatGPT's stream has begun; raises ``Problem`` before that."""
        site = self._site(account)
        prompt = await self._located(prompt, site)
        turn = Turn(site, self._form(site), prompt, self._ids.uuid())
        outgoing = self._outgoing(turn)
        reply = await self._launch(turn, outgoing)
        if reply is None:
            # The site does not know the current form. It will not learn it in our lifetime.
            self._legacy_sites.add(site.base_url)
            turn = Turn(site, "legacy", prompt, turn.trace_id)
            outgoing = self._outgoing(turn)
            reply = await self._launch(turn, outgoing)
        if reply is None:
            message = "ChatGPT knows neither form of its protocol. Check CHATGPT_BASE_URL."
            raise Problem(Kind.UPSTREAM_ERROR, message, step="sentinel")
        reader = Reader(sent_ids=outgoing.sent_ids, sent_texts=outgoing.sent_texts)
        return WebAnswer(self, turn, reader, reply, continues=self._settings.max_continues)

    async def resume(self, turn: Turn, reader: Reader) -> Reply:
        """The rest of a stream that was handed off. Raises ``Problem``."""
        body = {"conversation_id": reader.conversation_id, "offset": reader.events_seen}
        extra = conversation_headers(
            SentinelTokens(""), conduit=reader.resume_token or _NO_TOKEN, trace_id=turn.trace_id
        )
        return await turn.site.open(_RESUME, msgspec.json.encode(body), extra=extra)

    async def extend(self, turn: Turn, reader: Reader) -> Reply | None:
        """More of an answer that stopped at the model's limit. Raises ``Problem``."""
        assert reader.finished is not None
        outgoing = continue_body(
            turn.prompt,
            Thread(reader.conversation_id, reader.finished.message_id),
            ids=self._ids,
            history_disabled=self._settings.history_disabled,
            legacy=turn.form == "legacy",
        )
        return await self._launch(turn, outgoing)

    async def _located(self, prompt: Prompt, site: Site) -> Prompt:
        """The prompt with the message after which its conversation goes on: where the caller does
        not name it, the last one."""
        thread = prompt.thread
        if thread is None or thread.parent_message_id or not thread.conversation_id:
            return prompt
        path = f"/conversation/{quote(thread.conversation_id, safe='')}"
        parent = read_current_node(await site.get(path, step="conversation"))
        return msgspec.structs.replace(prompt, thread=Thread(thread.conversation_id, parent))

    def _site(self, account: Account) -> Site:
        urls = self._settings.base_urls
        base_url = urls[next(self._turns) % len(urls)]
        session = self._sessions.of(account, base_url)
        identity = Identity(
            device_id=session.device_id,
            session_id=session.session_id,
            user_agent=self._settings.user_agent,
            access_token=account.access_token,
            account_id=account.account_id,
            auth_key=self._settings.auth_key,
        )
        return Site(
            self._transport,
            base_url=base_url,
            identity=identity,
            session=session,
            proxy=self._egress.proxy(account),
            clock=self._clock,
        )

    def _form(self, site: Site) -> Form:
        protocol = self._settings.chatgpt_protocol
        if protocol != "auto":
            return protocol
        return "legacy" if site.base_url in self._legacy_sites else "current"

    def _outgoing(self, turn: Turn) -> Outgoing:
        disabled = self._settings.history_disabled
        if turn.form == "legacy":
            return legacy_body(turn.prompt, ids=self._ids, history_disabled=disabled)
        return conversation_body(
            turn.prompt, ids=self._ids, now=self._clock.now(), history_disabled=disabled
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
        page = await self._pages.of(turn.site)
        return await self._sentinel.clear(turn.site, page, turn.form)

    async def _prepare(self, turn: Turn, outgoing: Outgoing) -> str:
        """Announce the turn; the token that connects the announcement with it, if there is one."""
        if not outgoing.prepare or self._settings.conversation_only:
            return ""
        answer = await turn.site.post(_PREPARE, outgoing.prepare, step="conversation")
        return read_conduit(answer) if answer is not None else ""
