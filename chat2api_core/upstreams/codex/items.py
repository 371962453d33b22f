"""The messages of a prompt as input items of the Responses API, as the Codex backend takes them.

In: messages, and the names of tools on the wire. Out: items, in order. The rules: no item of ours
carries an id that can be left out, because with ``store: false`` the backend knows none, and sealed
reasoning under a foreign id is refused; what came as an item of this API goes back as it came;
there is no role ``system``; reasoning that is not sealed is left out, because it cannot be taken
back, but a compacted history never is. Source of the shapes: seen in the Codex command-line client.

A tool that the backend has a type of its own for is called and answered as that client does it: the
call is an item of that type, what came of it is that of a function.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import count
from typing import TypeAlias, assert_never

import msgspec

from chat2api_core.compaction import is_compaction
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    File,
    Image,
    Message,
    Native,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from chat2api_core.upstreams.codex.names import Names

Json: TypeAlias = dict[str, object]

_MAX_CALL_ID = 64
_PICTURE, _BASE64 = "data:image/", ";base64,"
# A search needs no id; of the others some name each other by it.
_NAMELESS = frozenset({"web_search_call"})
# The gateway's own name for an item that came without any; the backend knows none like it.
_OURS = re.compile(r"item_[0-9a-f]{32,}")


def input_items(
    messages: Sequence[Message],
    names: Names,
    *,
    sealed: bool,
    built_in: AbstractSet[str] = frozenset(),
) -> list[Json]:
    """The whole history. Without ``sealed`` the reasoning of earlier turns is left out.
    ``built_in`` are the names of tools that are declared by types of their own.

    Raises ``Problem`` UNSUPPORTED_PARAMETER for a file that is known by its id only."""
    items: list[Json] = []
    numbers = count(1)
    for message in messages:
        drawn = [part for part in message.parts if isinstance(part, Image) and _is_drawn(part)]
        items += [_drawn(picture, next(numbers)) for picture in drawn]
        if not drawn:
            items += _items(message, names, sealed, built_in)
    return items


def _items(
    message: Message, names: Names, sealed: bool, built_in: AbstractSet[str]
) -> Iterator[Json]:
    said: list[Json] = []
    for part in message.parts:
        if isinstance(part, Text | Image | File):
            said += _content(part, message.role)
            if message.role == "assistant" and not isinstance(part, Text):
                # The backend takes pictures and files from users only.
                words = [one for one in said if "text" in one]
                yield from _message("assistant", words, message.phase)
                yield from _message("user", [one for one in said if "text" not in one])
                said = []
            continue
        yield from _message(message.role, said, message.phase)
        said = []
        if isinstance(part, ToolCall):
            own = part.name in built_in and not part.namespace
            yield _own_call(part) if own else _call(part, names)
        elif isinstance(part, ToolResult):
            yield _result(part)
        elif isinstance(part, Reasoning):
            yield from _sealed(part, sealed=sealed)
        elif isinstance(part, Native):
            yield _native(part)
        else:
            assert_never(part)
    yield from _message(message.role, said, message.phase)


def _message(role: str, content: list[Json], phase: str = "") -> Iterator[Json]:
    if content:
        wire = "developer" if role == "system" else "user" if role == "tool" else role
        item: Json = {"type": "message", "role": wire, "content": content}
        yield item | {"phase": phase} if phase and role == "assistant" else item


def _native(part: Native) -> Json:
    item = msgspec.json.decode(part.item, type=dict[str, object])
    name = item.get("id")
    if part.kind in _NAMELESS or (isinstance(name, str) and _OURS.fullmatch(name)):
        item.pop("id", None)
    return item


def _is_drawn(picture: Image) -> bool:
    """Whether the assistant made it, and its bytes are there."""
    return picture.drawn and picture.url.startswith(_PICTURE) and _BASE64 in picture.url


def _drawn(picture: Image, number: int) -> Json:
    """A picture of an earlier turn as the call that made it, which has to have an id."""
    head, _, data = picture.url.partition(_BASE64)
    item: Json = {"type": "image_generation_call", "id": f"ig_{number}", "status": "completed"}
    return item | {"result": data, "output_format": head.removeprefix(_PICTURE)}


def _content(part: Text | Image | File, role: str) -> Iterator[Json]:
    if isinstance(part, Text):
        if part.text:
            yield _said(part) if role == "assistant" else _heard(part)
    elif isinstance(part, Image):
        yield _image(part)
    elif isinstance(part, File):
        yield _file(part)
    else:
        assert_never(part)


def _heard(part: Text) -> Json:
    return {"type": "input_text", "text": part.text}


def _said(part: Text) -> Json:
    """What the assistant said, with the sources that it had then."""
    item: Json = {"type": "output_text", "text": part.text}
    if part.sources:
        item["annotations"] = [
            {
                "type": "url_citation",
                "start_index": source.start,
                "end_index": source.end,
                "url": source.url,
                "title": source.title,
            }
            for source in part.sources
        ]
    return item


def _image(part: Image) -> Json:
    if part.file_id or not part.url:
        raise _by_id_only("pictures")
    image: Json = {"type": "input_image", "image_url": part.url}
    if part.detail != "auto":
        image["detail"] = part.detail
    return image


def _file(part: File) -> Json:
    if part.data:
        return {"type": "input_file", "filename": part.name or "file", "file_data": part.data}
    if part.url and not part.file_id:
        return {"type": "input_file", "file_url": part.url}
    raise _by_id_only("files")


def _by_id_only(what: str) -> Problem:
    message = f"The Codex upstream has no uploaded {what}: send a URL or the data itself."
    return Problem(Kind.UNSUPPORTED_PARAMETER, message, step="request", param="file_id")


def _call(call: ToolCall, names: Names) -> Json:
    item: Json = {
        "type": "custom_tool_call" if call.kind == "custom" else "function_call",
        "call_id": call_id(call.id),
        "name": names.wire(call.name, call.namespace),
    }
    item["input" if call.kind == "custom" else "arguments"] = call.arguments
    if call.namespace:
        item["namespace"] = call.namespace
    return item


def _own_call(call: ToolCall) -> Json:
    """A call of ``local_shell``."""
    try:
        said = msgspec.json.decode(call.arguments or "{}", type=dict[str, object])
    except msgspec.DecodeError as error:
        message = f"The arguments of the earlier call {call.id[:64]!a} are no JSON object."
        raise Problem(Kind.INVALID_REQUEST, message, step="request", param="input") from error
    item: Json = {"type": f"{call.name}_call", "call_id": call_id(call.id), "status": "completed"}
    return item | {"action": {"type": "exec", **said}}


def _result(result: ToolResult) -> Json:
    custom = result.kind == "custom"
    return {
        "type": "custom_tool_call_output" if custom else "function_call_output",
        "call_id": call_id(result.call_id),
        "output": _output(result.parts),
    }


def _output(parts: Sequence[Text | Image | File]) -> str | list[Json]:
    texts = [part.text for part in parts if isinstance(part, Text)]
    if len(texts) == len(parts):
        return "".join(texts)
    return [one for part in parts for one in _content(part, "tool")]


def _sealed(part: Reasoning, *, sealed: bool) -> Iterator[Json]:
    if is_compaction(part):
        yield {"type": "compaction", "encrypted_content": part.encrypted}
    elif sealed and part.encrypted:
        summary = [{"type": "summary_text", "text": text} for text in part.summary]
        yield {"type": "reasoning", "summary": summary, "encrypted_content": part.encrypted}


def call_id(given: str) -> str:
    """The id of a call as it is sent: one that is too long gets a short name made of it."""
    if len(given) <= _MAX_CALL_ID:
        return given
    return "call_" + hashlib.sha256(given.encode()).hexdigest()[:24]


def calls(messages: Iterable[Message]) -> Iterator[tuple[str, str]]:
    """Namespace and name of every call in the history."""
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolCall):
                yield part.namespace, part.name
