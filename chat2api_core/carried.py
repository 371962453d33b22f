"""The pictures and files that messages carry."""

from collections.abc import Iterator, Sequence

from chat2api_core.turn import File, Image, Message, Part, ToolResult


def media_of(parts: Sequence[Part]) -> Iterator[Image | File]:
    """Those among parts, and within results of tools, in order."""
    for part in parts:
        if isinstance(part, Image | File):
            yield part
        elif isinstance(part, ToolResult):
            yield from media_of(part.parts)


def carries_media(messages: Sequence[Message]) -> bool:
    """Whether there are any at all."""
    return any(True for message in messages for _ in media_of(message.parts))
