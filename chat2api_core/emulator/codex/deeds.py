"""What the model of the Codex backend does besides speaking: calls, searches, pictures. Pure.

Input: steps of a reply. Output: items and their events. The rule: each of them is a whole item.
"""

from base64 import b64encode

import msgspec

from chat2api_core.ambient import Ids
from chat2api_core.emulator.codex.easel import Easel
from chat2api_core.emulator.codex.items import Items
from chat2api_core.emulator.codex.stream import Stream
from chat2api_core.emulator.exchange import Json
from chat2api_core.emulator.pixels import draw
from chat2api_core.emulator.replies import Call, Image, Search

_LOCAL_SHELL = "local_shell"


class Deeds:
    """``own_tools`` are the types of the declared tools: a call of one that has a type of its own
    is an item of its own type."""

    def __init__(self, stream: Stream, items: Items, ids: Ids, own_tools: frozenset[str]) -> None:
        self._stream = stream
        self._items = items
        self._ids = ids
        self._own_tools = own_tools

    def call(self, step: Call) -> None:
        """A call of one of the client's tools."""
        if step.name == _LOCAL_SHELL and _LOCAL_SHELL in self._own_tools:
            self._run_locally(step)
            return
        custom = step.kind == "custom"
        field = "input" if custom else "arguments"
        item: Json = {"id": self._items.id("ctc" if custom else "fc"), "status": "in_progress"}
        item["type"] = "custom_tool_call" if custom else "function_call"
        item |= {"call_id": f"call_{self._ids.hex(24)}", "name": step.name, field: ""}
        if step.namespace:
            item["namespace"] = step.namespace
        self._items.begin(item)
        place: Json = {"item_id": item["id"], "output_index": self._items.index}
        kind = "custom_tool_call_input" if custom else "function_call_arguments"
        self._stream.run(f"response.{kind}.delta", place, step.pieces)
        whole = "".join(step.pieces)
        self._stream.tell(f"response.{kind}.done", **place, **{field: whole})
        self._items.done(item | {"status": "completed", field: whole})

    def _run_locally(self, step: Call) -> None:
        """A call of the shell that has a type of its own: it is shown whole, without pieces."""
        action: Json = {"type": "exec", "env": {}, "timeout_ms": None, "user": None}
        action |= {"working_directory": None, **msgspec.json.decode("".join(step.pieces))}
        item: Json = {"id": self._items.id("lsh"), "type": "local_shell_call"}
        item |= {"call_id": f"call_{self._ids.hex(24)}", "action": action}
        self._items.begin(item | {"status": "in_progress"})
        self._items.done(item | {"status": "completed"})

    def search(self, step: Search) -> None:
        """A search of the web."""
        item: Json = {"id": self._items.id("ws"), "type": "web_search_call"}
        self._items.begin(item | {"status": "in_progress"})
        place: Json = {"output_index": self._items.index, "item_id": item["id"]}
        for state in ("in_progress", "searching", "completed"):
            self._stream.tell(f"response.web_search_call.{state}", **place)
        action: Json = {"type": "search", "query": step.query}
        self._items.done(item | {"status": "completed", "action": action})

    def draw(self, step: Image, easel: Easel) -> None:
        """A picture."""
        item: Json = {"id": self._items.id("ig"), "type": "image_generation_call"}
        self._items.begin(item | {"status": "in_progress"})
        place: Json = {"output_index": self._items.index, "item_id": item["id"]}
        for state in ("in_progress", "generating"):
            self._stream.tell(f"response.image_generation_call.{state}", **place)
        width, height = (step.width, step.height) if easel.size == "auto" else easel.pixels
        how: Json = {"size": f"{width}x{height}", "quality": "high", "background": "opaque"}
        how["output_format"] = easel.output_format
        for number in range(min(easel.partial_images, step.previews or 1)):
            view = _draw(f"{item['id']} {number}", width, height)
            self._stream.tell(
                "response.image_generation_call.partial_image",
                **place,
                **how,
                partial_image_index=number,
                partial_image_b64=view,
            )
        drawn: Json = {"status": "completed", "action": "generate", **how}
        drawn |= {"result": _draw(str(item["id"]), width, height), "revised_prompt": step.title}
        self._items.done(item | drawn)


def _draw(name: str, width: int, height: int) -> str:
    """A picture in base64: a PNG, whatever was ordered, for this model knows no other."""
    return b64encode(draw(name, width, height)).decode()
