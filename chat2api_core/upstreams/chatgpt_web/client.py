"""The ChatGPT web upstream: opens turns, and the bodies with which an answer goes on.

A turn is: the home page (remembered), the sentinel, the preparation and the conversation; behind a
gateway of the user's own that does all that (CONVERSATION_ONLY), the conversation alone.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

import msgspec

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.egress import Egress
from chat2api_core.ambient import Clock, Ids
from chat2api_core.carried import carries_media
from chat2api_core.config import Settings
from chat2api_core.problem import Kind, Problem
from chat2api_core.transport import Reply, Transport
from chat2api_core.turn import Picture, Prompt, Thread
from chat2api_core.upstreams.base import Answer, Model
from chat2api_core.upstreams.chatgpt_web.answer import WebAnswer
from chat2api_core.upstreams.chatgpt_web.attachments import Uploaded
from chat2api_core.upstreams.chatgpt_web.catalog import read_models
from chat2api_core.upstreams.chatgpt_web.commission import (
    check_form,
    commissioned,
    is_order,
    may_bring_pictures,
)
from chat2api_core.upstreams.chatgpt_web.course import Body, Course, Turn
from chat2api_core.upstreams.chatgpt_web.handout import Handout, Linked
from chat2api_core.upstreams.chatgpt_web.messages import to_send
from chat2api_core.upstreams.chatgpt_web.notice import Limits
from chat2api_core.upstreams.chatgpt_web.poll import Polled, watch
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
from chat2api_core.upstreams.chatgpt_web.switches import switched

if TYPE_CHECKING:
    from chat2api_core.media.download import Download
    from chat2api_core.media.links import Links
    from chat2api_core.upstreams.chatgpt_web.uploads import Uploads

_PREPARE = "/f/conversation/prepare"
_PATHS: dict[Form, str] = {"current": "/f/conversation", "legacy": "/conversation"}
_RESUME = "/f/conversation/resume"
_NO_TOKEN = "no-token"  # what the web client sends where it has none  # noqa: S105 (no secret)
_MENDING = 600.0  # seconds that an answer which broke off may take to be complete
_TASK = 3600.0  # seconds that research may take
_MODELS = "/models?history_and_training_disabled=false"
_MODELS_ANONYMOUS = "/models?iim=false&is_gizmo=false"

_log = logging.getLogger("chat2api.chatgpt_web")

LimitsSeen: TypeAlias = Callable[[str, Limits], None]
"""Told the key of an account and what it may still use of limited features."""


def _ignore(_key: str, _limits: Limits) -> None:
    """Nobody wants to know."""


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
        limits_seen: LimitsSeen = _ignore,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        links: "Callable[[], Links] | None" = None,
        uploads: "Callable[[], Uploads] | None" = None,
    ) -> None:
        self._uploads = uploads
        self._links = links
        self._sleep = sleep
        self._transport = transport
        self._settings = settings
        self._egress = egress
        self._clock = clock
        self._ids = ids
        self._limits_seen = limits_seen
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
        return read_models(await self.site(account).get(path, step="models"))

    async def open(self, prompt: Prompt, account: Account) -> Answer:
        """Ask. Returns when ChatGPT's stream has begun; raises ``Problem`` before that."""
        site = self.site(account)
        prompt = switched(commissioned(prompt, anonymous=account.anonymous))
        prompt = await self._located(prompt, site)
        turn, outgoing, reply = await self.begin(prompt, site)
        reader = Reader(
            sent_ids=outgoing.sent_ids,
            sent_texts=outgoing.sent_texts,
            handout=self._handout(prompt, account),
            paints=is_order(prompt),
        )
        course = Course(
            self, turn, reader, continues=self._settings.max_continues, sleep=self._sleep
        )
        seen = functools.partial(self._limits_seen, account.key)
        answer = WebAnswer(course, reader, reply, limits_seen=seen)
        return self._shown(answer, prompt, account, reader) if prompt.hosted else answer

    def _shown(self, answer: Answer, prompt: Prompt, account: Account, reader: Reader) -> Answer:
        """The answer with its pictures, for a client who counts on them."""
        if not may_bring_pictures(prompt):
            return answer
        # Only now: an ordinary chat does not pay for importing it.
        from chat2api_core.upstreams.chatgpt_web import pictures  # noqa: PLC0415
        from chat2api_core.upstreams.chatgpt_web.downloads import Downloads  # noqa: PLC0415

        settings = self._settings
        downloads = Downloads(
            self.site, self._transport, export_proxy=settings.export_proxy.reveal()
        )

        async def find(picture: Picture) -> "Download":
            return await downloads.open(account, picture.asset, reader.conversation_id)

        fetch = pictures.fetching(find, limit=settings.max_file, sleep=self._sleep)
        return pictures.PictureAnswer(
            answer,
            ordered=is_order(prompt),
            fetch=fetch if prompt.media.inline else None,
            seconds=settings.image_timeout,
        )

    def _handout(self, prompt: Prompt, account: Account) -> Handout | None:
        """How pictures and files of the answer are handed out."""
        if self._links is None or not prompt.media.links or account.anonymous:
            return None
        off = self._settings.history_disabled if prompt.temporary is None else prompt.temporary
        return Linked(self._links, base=prompt.media.links, account_key=account.key, kept=not off)

    async def begin(self, prompt: Prompt, site: Site) -> tuple[Turn, Outgoing, Reply]:
        """Put a prompt to ChatGPT: the turn, what was sent, and the stream that has begun. Raises
        ``Problem``."""
        uploaded = await self._settled(prompt, site)
        turn = Turn(site, self._form(site), prompt, self._ids.uuid())
        outgoing = self._outgoing(turn, uploaded)
        reply = await self._launch(turn, outgoing)
        if reply is None:
            # The site does not know the current form. It will not learn it in our lifetime.
            self._legacy_sites.add(site.base_url)
            turn = Turn(site, "legacy", prompt, turn.trace_id)
            outgoing = self._outgoing(turn, uploaded)
            reply = await self._launch(turn, outgoing)
        if reply is None:
            message = "ChatGPT knows neither form of its protocol. Check CHATGPT_BASE_URL."
            raise Problem(Kind.UPSTREAM_ERROR, message, step="sentinel")
        return turn, outgoing, reply

    async def _settled(self, prompt: Prompt, site: Site) -> Uploaded:
        """Every picture and file that is sent, as this account has it at ChatGPT."""
        if not carries_media(prompt.messages):
            return {}
        assert self._uploads is not None, "who sends files says how they are uploaded"
        media = [part for said in to_send(prompt) for part in said.media]
        return await self._uploads().settle(site, media) if media else {}

    async def resume(self, turn: Turn, reader: Reader, offset: int) -> Body | None:
        """A stream once more, from that event on; None if it is gone. Raises ``Problem``."""
        body = {"conversation_id": reader.conversation_id, "offset": offset}
        extra = conversation_headers(
            SentinelTokens(""), conduit=reader.resume_token or _NO_TOKEN, trace_id=turn.trace_id
        )
        return await turn.site.resume(_RESUME, msgspec.json.encode(body), extra=extra)

    def subscribe(self, turn: Turn, reader: Reader, topic: str) -> Body:
        """The rest of a stream, or news of its tasks, over a WebSocket. Raises ``Problem``."""
        from chat2api_core.upstreams.chatgpt_web.socket import dial  # noqa: PLC0415 (rarely needed)

        return dial(turn.site, topic, reader.conversation_id, sleep=self._sleep)

    def kept(self, turn: Turn, reader: Reader) -> Body:
        """The kept conversation, asked for until its turn is complete."""
        timeout = _TASK if reader.busy else _MENDING
        watching = watch(
            turn.site,
            reader.conversation_id,
            sleep=self._sleep,
            clock=self._clock,
            timeout=timeout,
        )
        return Polled(watching, leaf=reader.leaf, task=reader.busy)

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

    def site(self, account: Account) -> Site:
        """ChatGPT as this account sees it."""
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
