"""Speech: ChatGPT reads a text aloud.

Its web reads aloud what the assistant said in a kept conversation, so a text becomes such a message
first: a turn is sent that holds it, its ids are picked out of the stream, the audio is fetched,
here or at the address that is told instead, and the conversation is hidden again. The one rule:
whatever happens after the turn, it is hidden. Source: seen in the web client.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from chat2api_core.accounts.account import Account
from chat2api_core.problem import Kind, Problem
from chat2api_core.transport import Reply
from chat2api_core.turn import Message, Prompt, Text
from chat2api_core.upstreams.chatgpt_web.client import ChatGptWeb
from chat2api_core.upstreams.chatgpt_web.faults import unreadable
from chat2api_core.upstreams.chatgpt_web.site import Site
from chat2api_core.upstreams.chatgpt_web.utterance import Utterance, find_said
from chat2api_core.wire.sse import SseDecoder

if TYPE_CHECKING:
    from chat2api_core.upstreams.chatgpt_web.downloads import Downloads

_HIDING = 5.0  # seconds that hiding a conversation may take
_HIDDEN = msgspec.json.encode({"is_visible": False})
_SHORT = 64 * 1024  # bytes of an answer that is no audio
_SOUNDING = ("audio/", "application/octet-stream", "video/")

_log = logging.getLogger("chat2api.speech")


class _Elsewhere(Struct):
    """An answer that tells where the audio is."""

    download_url: str | None = None
    url: str | None = None


class Spoken:
    """Audio on its way. Read it with ``chunk``, then ``aclose`` it."""

    def __init__(self, site: Site, conversation_id: str, reply: Reply, head: bytes) -> None:
        self._site = site
        self._conversation_id = conversation_id
        self._reply = reply
        self._head = head
        self._closed = False

    async def chunk(self) -> bytes | None:
        """More of the audio, None at its end. Raises ``Problem`` CUT or TIMEOUT."""
        head, self._head = self._head, b""
        return head or await self._reply.chunk()

    async def aclose(self) -> None:
        """Close the connection and hide the conversation; that this fails is only logged. Twice
        does no harm."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._reply.aclose()
        finally:
            await _hide(self._site, self._conversation_id)


class Speech:
    """Reads texts aloud. ``downloads`` fetches audio that is elsewhere; seldom asked for."""

    def __init__(self, web: ChatGptWeb, downloads: "Callable[[], Downloads]") -> None:
        self._web = web
        self._downloads = downloads

    async def say(self, account: Account, text: str, *, voice: str, sound: str) -> Spoken:
        """The audio of a text, once it begins. ``voice`` is one of ChatGPT's, ``sound`` mp3, opus
        or aac. Raises ``Problem``."""
        site = self._web.site(account)
        utterance = Utterance(text)
        try:
            await self._put(text, site, utterance)
            reply = await self._fetch(text, site, utterance, voice, sound)
            reply = await self._heard(account, reply)
            head = await _begun(reply)
        except BaseException:
            if utterance.conversation_id:
                await _hide(site, utterance.conversation_id)
            raise
        return Spoken(site, utterance.conversation_id, reply, head)

    async def _put(self, text: str, site: Site, utterance: Utterance) -> None:
        """Have the text said by the assistant of a new conversation."""
        said = Message("assistant", (Text(text),))
        prompt = Prompt("auto", (said,), temporary=False)
        _, _, reply = await self._web.begin(prompt, site)
        decoder = SseDecoder()
        try:
            while not utterance.over:
                chunk = await reply.chunk()
                for event in decoder.close() if chunk is None else decoder.feed(chunk):
                    utterance.feed(event)
                if chunk is None:
                    break  # what is missing can still be looked up
        finally:
            await reply.aclose()

    async def _fetch(
        self, text: str, site: Site, utterance: Utterance, voice: str, sound: str
    ) -> Reply:
        conversation = utterance.conversation_id
        message = utterance.message_id
        if conversation and not message:
            path = f"/conversation/{quote(conversation, safe='')}"
            message = find_said(await site.get(path, step="conversation"), text)
        if not message:
            words = "ChatGPT took the text, but did not say under which name it can be read aloud."
            raise Problem(Kind.UPSTREAM_ERROR, words, step="speech")
        wish = {
            "message_id": message,
            "conversation_id": conversation,
            "voice": voice,
            "format": sound,
        }
        return await site.fetch("GET", f"/synthesize?{urlencode(wish)}", step="speech")

    async def _heard(self, account: Account, reply: Reply) -> Reply:
        """The answer that is the audio: this one, or the one at the address that it tells."""
        body = await _words(reply)
        if body is None:
            return reply
        url = _address(body)
        if not url:
            raise unreadable("speech", reply.header("content-type"), body)
        try:
            found = await self._downloads().follow(account, url)
        except Problem as problem:
            if problem.kind is not Kind.FILE_NOT_FOUND:  # which would be the caller's fault
                raise
            message = "ChatGPT told an address for the audio at which there is none."
            raise Problem(Kind.UPSTREAM_ERROR, message, step="speech") from problem
        body = await _words(found)
        if body is not None:  # what is told to be the audio tells nothing of its own
            raise unreadable("speech", found.header("content-type"), body)
        return found


async def _words(reply: Reply) -> bytes | None:
    """What an answer says that is no audio, and it is closed; None for audio."""
    kind = reply.header("content-type")
    if not kind or kind.startswith(_SOUNDING):
        return None
    try:
        return await reply.read(_SHORT)
    finally:
        await reply.aclose()


def _address(body: bytes) -> str:
    """The address that an answer tells, empty for none."""
    try:
        told = msgspec.json.decode(body, type=_Elsewhere)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return told.download_url or told.url or ""


async def _begun(reply: Reply) -> bytes:
    """The first of the audio: with it, speaking has begun."""
    try:
        head = await reply.chunk()
        while head == b"":
            head = await reply.chunk()
    except BaseException:
        await reply.aclose()
        raise
    if head is None:
        await reply.aclose()
        message = "ChatGPT read the text aloud without a sound."
        raise Problem(Kind.UPSTREAM_ERROR, message, step="speech")
    return head


async def _hide(site: Site, conversation_id: str) -> None:
    path = f"/conversation/{quote(conversation_id, safe='')}"
    try:
        async with asyncio.timeout(_HIDING):
            reply = await site.fetch("PATCH", path, _HIDDEN, step="conversation")
            await reply.aclose()
    except (Problem, TimeoutError) as failure:
        _log.warning("a conversation stays visible: %s", _why(failure))


def _why(failure: Exception) -> str:
    return failure.code if isinstance(failure, Problem) else "it took too long"
