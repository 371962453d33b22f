"""A prompt's history as messages of ChatGPT's conversation tree.

In: a ``Prompt``. Out: ``Said``: author, text and attachments of each message to upload, in order.
The rules: system and developer texts become one leading system message, but those that an answer is
followed by are what is asked now, as when a client has a talk summed up; tool calls and their
results travel as readable text, because the web backend has no tools of ours; pictures and files
are attached by users only, so those of another message follow it in one of the user's; a kept
conversation gets only what came after the last assistant message. The rule that must hold: nothing
the client said is dropped in silence, except old reasoning, which the upstream makes anew, and what
the hosted tools of another upstream did, of which the dialect warns.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias, assert_never

from chat2api_core.carried import media_of
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    File,
    Image,
    Message,
    Native,
    Part,
    Prompt,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)

Author: TypeAlias = Literal["system", "user", "assistant", "tool"]

_INSTRUCTING = ("system", "developer")


class Said(NamedTuple):
    """One message to upload, with the pictures and files that are attached to it."""

    author: Author
    text: str
    media: tuple[Image | File, ...] = ()


def to_send(prompt: Prompt) -> list[Said]:
    """What to upload for a prompt: everything, or for a kept conversation what is new.

    Raises ``Problem`` INVALID_REQUEST when nothing is left to say."""
    messages = prompt.messages
    names = {
        part.id: part.name
        for message in messages
        for part in message.parts
        if isinstance(part, ToolCall)
    }
    first = _after_last_assistant(messages) if prompt.thread else 0
    last = _asked_by_instructions(messages)
    instructions: list[str] = []
    history: list[Said] = []
    for index in range(first, len(messages)):
        message = messages[index]
        text, media = _text(message, names), tuple(media_of(message.parts))
        if message.role == "user" or index >= last:
            history.append(Said("user", text, media))
            continue
        if message.role == "system" or message.role == "developer":  # noqa: PLR1714 (for mypy)
            instructions.append(text)
        elif text:
            history.append(Said(message.role, text))
        if media:
            history.append(Said("user", "", media))
    leading = "\n\n".join(text for text in instructions if text)
    if not history and leading and not prompt.thread:
        # Instructions alone are no turn: nobody has said anything to be answered.
        return [Said("user", leading)]
    if not history:
        raise Problem(
            Kind.INVALID_REQUEST,
            "There is no message to answer: the last one must come from the user or a tool.",
            step="request",
            param="messages",
        )
    return [Said("system", leading), *history] if leading else history


def _asked_by_instructions(messages: Sequence[Message]) -> int:
    """Where the instructions begin that follow an answer and are the last there is."""
    end = len(messages)
    first = end
    while first and messages[first - 1].role in _INSTRUCTING:
        first -= 1
    return first if first and messages[first - 1].role == "assistant" else end


def _after_last_assistant(messages: Sequence[Message]) -> int:
    """Where the new part of the history begins. A client that sends only what is new has no
    assistant message in it; instructions at its head are in the conversation already."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].role == "assistant":
            return index + 1
    leading = 0
    while leading < len(messages) and messages[leading].role in _INSTRUCTING:
        leading += 1
    return leading


def _text(message: Message, names: Mapping[str, str]) -> str:
    """A message as one text; calls and results stand in blocks of their own."""
    blocks: list[str] = []
    running: list[str] = []
    for part in message.parts:
        if isinstance(part, Text):
            running.append(part.text)
            continue
        blocks += ["".join(running), _block(part, names)]
        running = []
    blocks.append("".join(running))
    return "\n\n".join(block for block in blocks if block)


def _block(part: Part, names: Mapping[str, str]) -> str:
    if isinstance(part, Text):
        return part.text
    if isinstance(part, ToolCall):
        return f"[Called the tool {part.name}, call {part.id}, with]\n{part.arguments}"
    if isinstance(part, ToolResult):
        name = names.get(part.call_id)
        of = f"the tool {name}, call {part.call_id}" if name else f"call {part.call_id}"
        return f"[Result of {of}]\n" + "".join(_block(piece, names) for piece in part.parts)
    if isinstance(part, Reasoning | Native | Image | File):
        return ""  # the first is made anew, the next is not for this upstream, others are attached
    assert_never(part)
