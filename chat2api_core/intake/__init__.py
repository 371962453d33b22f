"""Pictures and files of a request, made ready for an upstream.

In: a prompt as the client wrote it, with URLs and ids of files. Out: the same prompt with the bytes
in it, as data URLs, and the key of the account that holds the files it names by id, if there are
any. The rules: every URL is fetched once, by nobody but the fetcher; what claims to be a picture is
one; an id opens only what its owner uploaded. What cannot be had is the caller's to hear, under the
name of the part that asked for it.

The history that the gateway keeps has the prompt from before this: URLs, not bytes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from msgspec import structs

from chat2api_core.abreast import all_of
from chat2api_core.carried import media_of
from chat2api_core.intake.parts import Fetching, Parts, Ready, Resolving, is_web
from chat2api_core.intake.texts import split_urls
from chat2api_core.kept.files import Held
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import File, Image, Message, Part, Prompt, Text, ToolResult

_MOST_FETCHED = 20
_MOST_IN_TEXT = 10
_AT_ONCE = 4
_HEAVY = 2  # what all fetched files may weigh together, in files of the largest size
_APART = (
    "This file lies at another account than the first one of this request. Upload it again, or "
    "send it with the request."
)

Bring: TypeAlias = Callable[[Held], Awaitable[bytes]]
"""The bytes of an uploaded file. Raises ``Problem``."""


class Intake:
    """Takes requests in. ``limit`` is the largest file in bytes; ``by_url`` says whether files
    whose URLs stand at the beginning or end of a user's text are fetched as well. ``fetcher`` is
    asked for when the first URL comes."""

    def __init__(
        self, fetcher: Callable[[], Fetching], files: Resolving, *, limit: int, by_url: bool
    ) -> None:
        self._parts = Parts(fetcher, files, limit=limit)
        self._heaviest = _HEAVY * limit
        self._by_url = by_url

    async def take(
        self,
        prompt: Prompt,
        owner: str,
        places: Sequence[str] = (),
        bring: Bring | None = None,
    ) -> tuple[Prompt, str]:
        """The prompt with everything in it, and the key of the account that holds its files.

        ``places`` are the names of the request's pictures and files, in order; those before them
        belong to a kept history. ``bring`` downloads an uploaded file, which is needed where
        files of different accounts come together. Raises ``Problem``: INVALID_REQUEST, TOO_LARGE,
        the one of an id that stands for nothing, or what ``bring`` raises."""
        taking = _Taking(self._parts, prompt, owner, places, heaviest=self._heaviest)
        return await taking.run(bring, by_url=self._by_url)


class _Taking:
    """One request being taken in."""

    def __init__(
        self, parts: Parts, prompt: Prompt, owner: str, places: Sequence[str], *, heaviest: int
    ) -> None:
        self._parts = parts
        self._heaviest = heaviest
        self._prompt = prompt
        self._owner = owner
        self._places = places
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._weight = 0

    async def run(self, bring: "Bring | None", *, by_url: bool) -> tuple[Prompt, str]:
        messages = self._prompt.messages
        # What a kept conversation has is not sent again, so it need not be had again.
        first = _after_last_assistant(messages) if self._prompt.thread else 0
        order = [(at, part) for at, said in enumerate(messages) for part in media_of(said.parts)]
        wanted: dict[Image | File, str] = {}
        for number, (at, part) in enumerate(order):
            if at >= first:
                wanted.setdefault(part, self._name(number, len(order)))
        if sum(is_web(part.url) for part in wanted) > _MOST_FETCHED:
            message = f"A request may name {_MOST_FETCHED} different URLs of pictures and files."
            raise Problem(Kind.INVALID_REQUEST, message, step="request", param="messages")
        work = [self._one(part, name) for part, name in wanted.items()]
        ready = dict(zip(wanted, await all_of(work), strict=True))
        holder = await self._gathered(ready, wanted, bring)
        new = {part: one.part for part, one in ready.items()}
        taken = [
            structs.replace(message, parts=_replaced(message.parts, new))
            if at >= first
            else message
            for at, message in enumerate(messages)
        ]
        if by_url:
            taken = await self._read_texts(taken, first)
        return structs.replace(self._prompt, messages=tuple(taken)), holder

    async def _one(self, part: Image | File, param: str) -> Ready:
        async with self._turn:
            try:
                ready = await self._parts.ready(part, self._owner, param)
                self._weigh(ready.weight)
            except Problem as problem:
                raise _at(problem, param) from problem
        return ready

    def _weigh(self, size: int) -> None:
        self._weight += size
        if self._weight > self._heaviest:
            most = f"{self._heaviest} bytes"
            message = f"The files behind the URLs of this request are larger than {most}."
            raise Problem(Kind.TOO_LARGE, message, step="request")

    async def _gathered(
        self, ready: dict[Image | File, Ready], names: dict[Image | File, str], bring: Bring | None
    ) -> str:
        """The one account that answers for the files named by id: that of the first. What others
        hold is brought over."""
        holder = ""
        for part, one in ready.items():
            if one.held is None or one.held.account_key == (holder or one.held.account_key):
                holder = holder or (one.held.account_key if one.held else "")
                continue
            name = names[part]
            if bring is None:
                raise Problem(Kind.INVALID_REQUEST, _APART, step="request", param=name)
            try:
                moved = await self._parts.moved(part, one.held, await bring(one.held), name)
                self._weigh(moved.weight)
            except Problem as problem:
                raise _at(problem, name) from problem
            ready[part] = moved
        return holder

    def _name(self, number: int, total: int) -> str:
        """What the client calls the part; all parts before its own are of a kept response."""
        place = number - (total - len(self._places))
        return self._places[place] if place >= 0 else "previous_response_id"

    async def _read_texts(self, messages: list[Message], first: int) -> list[Message]:
        """With the files whose URLs stand in what users say. Of earlier messages, which are said
        once more with every turn, a file that is gone stays the URL it was."""
        left = _MOST_IN_TEXT
        users = [at for at in range(first, len(messages)) if messages[at].role == "user"]
        for at in reversed(users):
            parts: list[Part] = []
            for part in messages[at].parts:
                if not isinstance(part, Text):
                    parts.append(part)
                    continue
                new, used = await self._read_text(part, left, newest=at == users[-1])
                parts += new
                left -= used
            messages[at] = structs.replace(messages[at], parts=tuple(parts))
        return messages

    async def _read_text(
        self, part: Text, left: int, *, newest: bool
    ) -> tuple[Sequence[Part], int]:
        before, body, after = split_urls(part.text)
        urls = list(dict.fromkeys((*before, *after)))
        if len(urls) > left:
            if not newest:
                return (part,), 0
            message = f"A message may begin or end with {_MOST_IN_TEXT} URLs of files at most."
            raise Problem(Kind.INVALID_REQUEST, message, step="request", param="messages")
        if not urls:
            return (part,), 0
        try:
            files = await all_of([self._at(url) for url in urls])
        except Problem as problem:
            if newest:
                raise _at(problem, "messages") from problem
            return (part,), len(urls)
        found = {url: file for url, file in zip(urls, files, strict=True) if file is not None}
        pages = [" ".join(url for url in group if url not in found) for group in (before, after)]
        text = " ".join(piece for piece in (pages[0], body, pages[1]) if piece)
        if not found:
            return (part,), len(urls)
        said = (Text(text),) if text else ()
        return (*said, *found.values()), len(urls)

    async def _at(self, url: str) -> Image | File | None:
        async with self._turn:
            file = await self._parts.file_at(url)
            if file is not None:
                content = file.url or (file.data if isinstance(file, File) else "")
                self._weigh(len(content) * 3 // 4)
            return file


def _replaced(parts: Sequence[Part], new: dict[Image | File, Image | File]) -> tuple[Part, ...]:
    out: list[Part] = []
    for part in parts:
        if isinstance(part, Image | File):
            out.append(new[part])
        elif isinstance(part, ToolResult) and any(True for _ in media_of(part.parts)):
            inner = tuple(new[one] if isinstance(one, Image | File) else one for one in part.parts)
            out.append(structs.replace(part, parts=inner))
        else:
            out.append(part)
    return tuple(out)


def _after_last_assistant(messages: Sequence[Message]) -> int:
    for at in range(len(messages) - 1, -1, -1):
        if messages[at].role == "assistant":
            return at + 1
    return 0


def _at(problem: Problem, param: str) -> Problem:
    """The problem, said of the part that the client calls ``param``."""
    return Problem(problem.kind, problem.message, step=problem.step, param=param)
