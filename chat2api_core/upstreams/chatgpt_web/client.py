"""The ChatGPT web upstream: opens answers, and the bodies with which an answer goes on.

In: a prompt and the account that asks. Out: the answer's deltas, with its pictures where the client
takes them. What is asked of ChatGPT, and in which order, is in ``launch.py``; which body follows on
one that has ended, in ``course.py``.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias
from urllib.parse import quote

import msgspec

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.egress import Egress
from chat2api_core.ambient import Clock, Ids
from chat2api_core.carried import carries_media
from chat2api_core.config import Settings
from chat2api_core.transport import Reply, Transport
from chat2api_core.turn import Picture, Prompt, Thread
from chat2api_core.upstreams.base import Answer, Model
from chat2api_core.upstreams.chatgpt_web.answer import WebAnswer
from chat2api_core.upstreams.chatgpt_web.attachments import Uploaded
from chat2api_core.upstreams.chatgpt_web.commission import (
    commissioned,
    is_order,
    may_bring_pictures,
)
from chat2api_core.upstreams.chatgpt_web.course import Body, Course, Turn
from chat2api_core.upstreams.chatgpt_web.handout import Handout, Linked
from chat2api_core.upstreams.chatgpt_web.headers import SentinelTokens, conversation_headers
from chat2api_core.upstreams.chatgpt_web.launch import Launched, Launcher
from chat2api_core.upstreams.chatgpt_web.messages import to_send
from chat2api_core.upstreams.chatgpt_web.notice import Limits
from chat2api_core.upstreams.chatgpt_web.reader import Reader
from chat2api_core.upstreams.chatgpt_web.requirements import read_current_node
from chat2api_core.upstreams.chatgpt_web.site import Site
from chat2api_core.upstreams.chatgpt_web.sites import Sites
from chat2api_core.upstreams.chatgpt_web.switches import switched

if TYPE_CHECKING:
    from chat2api_core.media.download import Download
    from chat2api_core.media.links import Links
    from chat2api_core.upstreams.chatgpt_web.downloads import Downloads
    from chat2api_core.upstreams.chatgpt_web.uploads import Uploads

_RESUME = "/f/conversation/resume"
_NO_TOKEN = "no-token"  # what the web client sends where it has none  # noqa: S105 (no secret)
_MENDING = 600.0  # seconds that an answer which broke off may take to be complete
_TASK = 3600.0  # seconds that research may take
_MODELS = "/models?history_and_training_disabled=false"
_MODELS_ANONYMOUS = "/models?iim=false&is_gizmo=false"

LimitsSeen: TypeAlias = Callable[[str, Limits], None]
"""Told the key of an account and what it may still use of limited features."""


class Media(Protocol):
    """What pictures and files take. Each is made when it is asked for: few chats have any."""

    @property
    def links(self) -> "Links": ...

    @property
    def uploads(self) -> "Uploads": ...

    @property
    def downloads(self) -> "Downloads": ...


def _ignore(_key: str, _limits: Limits) -> None:
    """Nobody wants to know."""


class ChatGptWeb:
    """The upstream. ``limits_seen`` hears what each account may still use; ``media`` is what
    pictures and files take (None: none can be sent or fetched)."""

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
        media: "Callable[[], Media] | None" = None,
    ) -> None:
        self._media = media
        self._sleep = sleep
        self._settings = settings
        self._clock = clock
        self._limits_seen = limits_seen
        self._sites = Sites(transport, settings=settings, egress=egress, clock=clock, ids=ids)
        self._launcher = Launcher(self._sites, settings=settings, clock=clock, ids=ids)

    async def models(self, account: Account) -> tuple[Model, ...]:
        """What the account may use. Raises ``Problem`` of step "models"."""
        from chat2api_core.upstreams.chatgpt_web.catalog import read_models  # noqa: PLC0415 (no chat lists them)

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

        async def find(picture: Picture) -> "Download":
            assert self._media is not None, "who wants pictures says how they are fetched"
            return await self._media().downloads.open(
                account, picture.asset, reader.conversation_id
            )

        fetch = pictures.fetching(find, limit=self._settings.max_file, sleep=self._sleep)
        return pictures.PictureAnswer(
            answer,
            ordered=is_order(prompt),
            fetch=fetch if prompt.media.inline else None,
            seconds=self._settings.image_timeout,
        )

    def _handout(self, prompt: Prompt, account: Account) -> Handout | None:
        """How pictures and files of the answer are handed out."""
        media = self._media
        if media is None or not prompt.media.links or account.anonymous:
            return None
        off = self._settings.history_disabled if prompt.temporary is None else prompt.temporary
        base = prompt.media.links
        return Linked(lambda: media().links, base=base, account_key=account.key, kept=not off)

    async def begin(self, prompt: Prompt, site: Site) -> Launched:
        """Put a prompt to ChatGPT. Raises ``Problem``."""
        return await self._launcher.begin(prompt, site, await self._settled(prompt, site))

    async def _settled(self, prompt: Prompt, site: Site) -> Uploaded:
        """Every picture and file that is sent, as this account has it at ChatGPT."""
        if not carries_media(prompt.messages):
            return {}
        assert self._media is not None, "who sends files says how they are uploaded"
        parts = [part for said in to_send(prompt) for part in said.media]
        return await self._media().uploads.settle(site, parts) if parts else {}

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
        from chat2api_core.upstreams.chatgpt_web.poll import Polled, watch  # noqa: PLC0415 (rarely needed)

        timeout = _TASK if reader.busy else _MENDING
        watching = watch(
            turn.site,
            reader.conversation_id,
            sleep=self._sleep,
            clock=self._clock,
            timeout=timeout,
        )
        return Polled(watching, leaf=reader.branch.leaf, task=reader.busy)

    async def extend(self, turn: Turn, reader: Reader) -> Reply | None:
        """More of an answer that stopped at the model's limit. Raises ``Problem``."""
        assert reader.finished is not None
        thread = Thread(reader.conversation_id, reader.finished.message_id)
        return await self._launcher.extend(turn, thread)

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
        return self._sites.of(account)
