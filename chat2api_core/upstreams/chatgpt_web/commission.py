"""Turns that order a picture. Pure.

In: a prompt that was told to use the tool for pictures, or may use it. Out: the prompt as the web
client would put it: with the switch for pictures, in a chat that is kept, because its pictures are
found through it, and with the options of the tool in words, for there are no fields for them.
The rule: an option that would be lost without a word is refused. Source: seen in the web client.
"""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from chat2api_core.painters import is_painter
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import JsonSchema, Message, Prompt, Text

HINT = "picture_v2"
_TOOL = "image_generation"
_SIZE = r"([1-9]\d{0,4})x([1-9]\d{0,4})"
_SAME = 1.05  # sides that differ by less are those of a square
_BACKGROUNDS = {"transparent": "a transparent background", "opaque": "an opaque background"}


def is_order(prompt: Prompt) -> bool:
    """Whether a picture is ordered."""
    return prompt.tool_choice.hosted == _TOOL


def may_bring_pictures(prompt: Prompt) -> bool:
    """Whether the client has declared the tool for pictures and not forbidden to use it."""
    declared = any(tool.kind == _TOOL for tool in prompt.hosted)
    return is_order(prompt) or (declared and prompt.tool_choice.mode != "none")


def commissioned(prompt: Prompt, *, anonymous: bool) -> Prompt:
    """The prompt with what pictures need; any other prompt as it is.

    Raises ``Problem``: LOGIN_REQUIRED where an anonymous caller orders a picture,
    UNSUPPORTED_PARAMETER for a mask."""
    if not may_bring_pictures(prompt):
        return prompt
    model = "auto" if is_painter(prompt.model) else prompt.model
    options = next((tool.options for tool in prompt.hosted if tool.kind == _TOOL), {})
    if not is_order(prompt):
        _check_mask(options)
        if anonymous:
            return replace(prompt, model=model, temporary=None)
        said = wishes(options, ordered=False)
        messages = _with_wishes(prompt.messages, said)
        return replace(prompt, model=model, temporary=False, messages=messages)
    if anonymous:
        message = "Pictures need an account: ChatGPT makes none without a login."
        raise Problem(Kind.LOGIN_REQUIRED, message, step="request")
    _check_mask(options)
    return replace(
        prompt,
        model=model,
        hints=(*(hint for hint in prompt.hints if hint != HINT), HINT),
        temporary=False,
        messages=_with_wishes(prompt.messages, wishes(options)),
    )


def check_form(prompt: Prompt) -> None:
    """Before a turn in the legacy form. Raises ``Problem`` UNSUPPORTED_PARAMETER for an order."""
    if is_order(prompt):
        message = "Pictures cannot be ordered in ChatGPT's legacy protocol (CHATGPT_PROTOCOL)."
        raise Problem(Kind.UNSUPPORTED_PARAMETER, message, step="request", param="tool_choice")


def _check_mask(options: JsonSchema) -> None:
    if options.get("input_image_mask"):
        message = "mask needs an account of type codex: ChatGPT's web client has no masks."
        raise Problem(Kind.UNSUPPORTED_PARAMETER, message, step="request", param="mask")


def wishes(options: JsonSchema, *, ordered: bool = True) -> str:
    """The options of the tool as a sentence, empty where there are none. Not ``ordered``: whether
    there is to be a picture is left to the model."""
    asked = ", ".join(_wishes(options))
    if not asked:
        return ""
    begin = "Make the picture" if ordered else "If you make a picture, make it"
    return f"{begin} with {asked}."


def _wishes(options: JsonSchema) -> Iterator[str]:
    size = re.fullmatch(_SIZE, str(options.get("size") or ""))
    if size is not None:
        yield f"a size of {size[0]} pixels ({_shape(int(size[1]), int(size[2]))})"
    quality = options.get("quality")
    if quality not in (None, "auto"):
        yield f"{quality} quality"
    background = _BACKGROUNDS.get(str(options.get("background")))
    if background is not None:
        yield background


def _shape(width: int, height: int) -> str:
    if width > height * _SAME:
        return "landscape"
    return "portrait" if height > width * _SAME else "square"


def _with_wishes(messages: tuple[Message, ...], said: str) -> tuple[Message, ...]:
    """The messages with a sentence at the end of the last one of the user."""
    if not said:
        return messages
    for place in range(len(messages) - 1, -1, -1):
        message = messages[place]
        if message.role == "user":
            parts = (*message.parts, Text(f"\n\n{said}"))
            return (*messages[:place], replace(message, parts=parts), *messages[place + 1 :])
    return (*messages, Message("user", (Text(said),)))
