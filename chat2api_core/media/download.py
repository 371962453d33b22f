"""Bytes on their way out of ChatGPT, as they are handed from who fetches them to who sends them."""

from msgspec import Struct

from chat2api_core.transport.base import Reply


class Download(Struct, frozen=True):
    """A picture or a file. ``reply`` is read with ``chunk`` and closed by whoever asked; its status
    is 200, or 206 or 416 where a part was asked for. ``mime`` is what ChatGPT calls its type."""

    reply: Reply
    name: str
    mime: str

    async def aclose(self) -> None:
        """Close what the bytes come over."""
        await self.reply.aclose()
