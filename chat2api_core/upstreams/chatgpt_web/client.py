"""The ChatGPT web upstream: opens a turn and hands its deltas up, over as many bodies as it takes.

A turn is: the home page (remembered), the sentinel, the preparation and the conversation; behind a
gateway of the user's own that does all that (CONVERSATION_ONLY), the conversation alone. Its stream
may be handed off, which the resume endpoint follows, or stop at the model's limit, which a
continuing turn follows, at most ``max_continues`` times.
"""

import asyncio
import logging
from itertools import count
from urllib.parse import quote

import msgspec
from msgspec import Struct

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.egress import Egress
from chat2api_core.ambient import Clock, Ids
from chat2api_core.config import Settings
from chat2api_core.problem import Kind, Problem
from chat2api_core.transport import Reply, Transport
from chat2api_core.turn import Delta, Prompt, Thread
from chat2api_core.upstreams.base import Batch, Model
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
from chat2api_core.wire.sse import SseDecoder

_PREPARE = "/f/conversation/prepare"
_PATHS: dict[Form, str] = {"current": "/f/conversation", "legacy": "/conversation"}
_RESUME = "/f/conversation/resume"
_NO_TOKEN = "no-token"  # what the web client sends where it has none  # noqa: S105 (no secret)
_MODELS = "/models?history_and_training_disabled=false"
_MODELS_ANONYMOUS = "/models?iim=false&is_gizmo=false"
_MAX_RESUMES = 3
_DRAIN = 0.25  # seconds that the end of a body may take, for the sake of its connection

_log = logging.getLogger("chat2api.chatgpt_web")


class Turn(Struct, frozen=True):
    """What a turn needs to open its first body and the ones that may follow."""

    site: Site
    form: Form
    prompt: Prompt
    trace_id: str


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


class WebAnswer:
    """An answer under way: batches of deltas, one for each network read that brought any."""

    def __init__(
        self, web: ChatGptWeb, turn: Turn, reader: Reader, reply: Reply, *, continues: int
    ) -> None:
        self._web = web
        self._turn = turn
        self._reader = reader
        self._reply = reply
        self._decoder = SseDecoder()
        self._continues = continues
        self._resumes = _MAX_RESUMES
        self._failure: Problem | None = None
        self._over = False

    def __aiter__(self) -> "WebAnswer":
        return self

    async def __anext__(self) -> Batch:
        while not self._over:
            if self._failure is not None:
                raise self._failure
            chunk = await self._reply.chunk()
            deltas = self._read(chunk)
            if self._body_over(chunk):
                await self._turn_over(deltas)
            if deltas:
                return deltas
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection, or keep it for the next turn if its body is about to end."""
        if self._over:
            try:
                async with asyncio.timeout(_DRAIN):
                    while await self._reply.chunk() is not None:
                        pass
            except (Problem, TimeoutError):
                _log.debug("an answer was whole, but its connection could not be kept")
        await self._reply.aclose()

    def _read(self, chunk: bytes | None) -> list[Delta]:
        """The deltas of a chunk. A failure waits until the deltas before it are handed out."""
        deltas: list[Delta] = []
        try:
            events = self._decoder.close() if chunk is None else self._decoder.feed(chunk)
            for event in events:
                deltas += self._reader.feed(event)
        except Problem as problem:
            if not deltas:
                raise
            self._failure = problem
        return deltas

    def _body_over(self, chunk: bytes | None) -> bool:
        return self._failure is None and (chunk is None or self._reader.finished is not None)

    async def _turn_over(self, deltas: list[Delta]) -> None:
        """The body has ended: go on with another one, or end the answer."""
        following = await self._following()
        if following is not None:
            await self._reply.aclose()
            self._reply = following
            self._decoder = SseDecoder()
            return
        try:
            deltas += self._reader.close()
        except Problem as problem:
            if not deltas:
                raise
            self._failure = problem
        else:
            self._over = True

    async def _following(self) -> Reply | None:
        """The body with which the answer goes on, if it does."""
        finished = self._reader.finished
        if finished is not None:
            return await self._extended() if finished.reason == "length" else None
        handoff = self._reader.handoff
        if handoff is None:
            return None
        if not handoff.resume or self._resumes == 0:
            message = "ChatGPT handed the answer over to a WebSocket, which is not followed."
            raise Problem(Kind.HANDOFF, message, step="stream")
        self._resumes -= 1
        following = await self._web.resume(self._turn, self._reader)
        self._reader.resume()
        return following

    async def _extended(self) -> Reply | None:
        if self._continues == 0:
            return None
        self._continues -= 1
        try:
            extended = await self._web.extend(self._turn, self._reader)
        except Problem as problem:
            # What came so far is good and says itself that it was cut at the limit.
            _log.warning("a cut answer could not be continued: %s", problem.code)
            return None
        if extended is not None:
            self._reader.extend()
        return extended
