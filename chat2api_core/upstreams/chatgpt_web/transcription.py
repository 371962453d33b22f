"""Transcription: ChatGPT writes down a recording.

In: a recording, in pieces. Out: its text. The one rule: a recording is never in memory as a whole
on its way, and what is wrong with it is the caller's matter, not the account's. Source of the call:
seen in the web client.
"""

import re
from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct

from chat2api_core.accounts.account import Account
from chat2api_core.ambient import Ids
from chat2api_core.media.recording import Recording
from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.client import ChatGptWeb

_UNFIT = re.compile(r'[^\x20-\x7e]|["\\%]')
_LONGEST_NAME = 120
_SHORT = 4 * 1024 * 1024  # bytes of a text
_SAID = " It said: "


class _Heard(Struct):
    text: str


_decoder = msgspec.json.Decoder(_Heard)


class Transcription:
    """Writes recordings down."""

    def __init__(self, web: ChatGptWeb, ids: Ids) -> None:
        self._web = web
        self._ids = ids

    async def hear(self, account: Account, recording: Recording, *, language: str = "") -> str:
        """The words of a recording. ``language`` is an ISO 639 code, empty where it is not known.
        Raises ``Problem``: INVALID_REQUEST or TOO_LARGE where ChatGPT does not take it."""
        boundary = f"chat2api-{self._ids.hex(32)}"
        head, tail = _envelope(boundary, recording, language)
        length = str(len(head) + recording.size + len(tail)).encode()
        try:
            reply = await self._web.site(account).fetch(
                "POST",
                "/transcribe",
                _wrapped(head, recording, tail),
                step="transcription",
                content_type=f"multipart/form-data; boundary={boundary}",
                extra=((b"content-length", length),),
            )
        except Problem as problem:
            raise _about_the_recording(problem) from problem
        try:
            body = await reply.read(_SHORT)
        finally:
            await reply.aclose()
        return _read(body, reply.header("content-type"))


def _envelope(boundary: str, recording: Recording, language: str) -> tuple[bytes, bytes]:
    """What stands before and behind the recording in the form."""
    name = _UNFIT.sub("_", recording.name)[-_LONGEST_NAME:] or "recording"
    field = ""
    if language:
        field = f'--{boundary}\r\nContent-Disposition: form-data; name="language"\r\n\r\n'
        field += f"{language}\r\n"
    head = (
        f"{field}--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {recording.mime}\r\n\r\n"
    )
    return head.encode(), f"\r\n--{boundary}--\r\n".encode()


async def _wrapped(head: bytes, recording: Recording, tail: bytes) -> AsyncIterator[bytes]:
    yield head
    async for piece in recording.pieces():
        yield piece
    yield tail


def _about_the_recording(problem: Problem) -> Problem:
    """The statuses for a request that is wrong (400, 413, 415, 422) are about the recording here:
    all else in the form is ours and always the same."""
    kinds = {Kind.REFUSED: Kind.INVALID_REQUEST, Kind.CONTEXT_LENGTH: Kind.TOO_LARGE}
    kind = kinds.get(problem.kind)
    if kind is None:
        return problem
    _, said, words = problem.message.partition(_SAID)
    message = f"ChatGPT does not take this recording.{said}{words}"
    return Problem(kind, message, step=problem.step, param="file")


def _read(body: bytes, content_type: str) -> str:
    """The text of an answer, which is a JSON object or plain text."""
    try:
        if content_type.startswith("text/plain"):
            return body.decode().strip()
        return _decoder.decode(body).text.strip()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = "ChatGPT's answer to a recording could not be understood."
        raise Problem(Kind.GARBAGE, message, step="transcription") from error
