"""An answer of the Codex backend as server-sent events. Pure; fresh names come from ``Ids``.

Input: the steps of a reply. Output: beats for the player. The rules: the order of events is the
official one, numbers do not skip, the last event's ``output`` is empty as the real one's, and
nothing follows it. Steps that only the web backend has are passed over.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from chat2api_core.ambient import Ids
from chat2api_core.emulator.codex.easel import Easel
from chat2api_core.emulator.codex.seals import seal
from chat2api_core.emulator.encodings import Beat, Run
from chat2api_core.emulator.exchange import Json
from chat2api_core.emulator.pixels import draw
from chat2api_core.emulator.replies import (
    AnyStep,
    Call,
    Cite,
    Cut,
    Fail,
    Frame,
    Image,
    Ping,
    Say,
    Search,
    Source,
    Stall,
    Stop,
    Think,
    Wait,
)

_encode = msgspec.json.encode


class Scene(Struct, frozen=True):
    """The facts of one answer. ``now`` is unix seconds."""

    model: str
    owner: str
    now: float
    effort: str = "medium"
    input_tokens: int = 0
    sealed: bool = True
    easel: Easel | None = None


class Narrator:
    """Tells one answer. ``feed`` it the steps in order, then ``close``."""

    def __init__(self, scene: Scene, ids: Ids) -> None:
        self.beats: list[Beat] = []
        self._scene = scene
        self._ids = ids
        self._number = 0
        self._index = -1
        self._id = f"resp_{ids.hex(32)}"
        self._open: Callable[[], None] | None = None  # ends the item that is open
        self._message: tuple[str, list[str], list[Json]] | None = None
        self._sections: tuple[str, list[Json]] | None = None
        self._found: list[Source] = []
        self._said = 0
        self._thought = 0
        self._over = False
        self._tellers: dict[type[Any], Callable[[Any], None]] = {
            Say: self._say, Cite: self._cite, Think: self._think, Call: self._call,
            Search: self._search, Image: self._image, Stop: self._stop, Fail: self._fail,
            Frame: self._frame, Ping: self._ping, Wait: self._silence, Stall: self._silence,
            Cut: self._silence,
        }  # fmt: skip

    def begin(self) -> None:
        """What comes before the answer."""
        response = self._response("in_progress") | {"usage": None}
        self._tell("response.created", response=response)
        self._tell("response.in_progress", response=response)

    def feed(self, step: AnyStep) -> None:
        """The events of one step."""
        teller = self._tellers.get(type(step))
        if teller is not None and not self._over:
            teller(step)

    def close(self) -> None:
        """The good end, unless the story has had its end."""
        if not self._over:
            self._end("completed", {})

    # ------------------------------------------------------------------------- items

    def _begin_item(self, item: Json) -> None:
        self._finish()
        self._index += 1
        self._tell("response.output_item.added", output_index=self._index, item=item)

    def _item_done(self, item: Json) -> None:
        self._tell("response.output_item.done", output_index=self._index, item=item)

    def _finish(self) -> None:
        """Finish the item that is open, if any."""
        if self._open is not None:
            end, self._open = self._open, None
            end()

    def _item_id(self, prefix: str) -> str:
        return f"{prefix}_{self._ids.hex(24)}"

    def _say(self, step: Say) -> None:
        self._pieces(step.pieces)

    def _pieces(self, pieces: Sequence[str]) -> None:
        name, texts, _ = self._opened_message()
        texts += pieces
        self._said += len(pieces)
        place: Json = {"item_id": name, "output_index": self._index, "content_index": 0}
        self._run("response.output_text.delta", place, pieces)

    def _opened_message(self) -> tuple[str, list[str], list[Json]]:
        if self._message is None:
            name = self._item_id("msg")
            self._begin_item(_message(name, "in_progress", []))
            self._message = name, [], []
            self._open = self._end_message
            part: Json = {"type": "output_text", "text": "", "annotations": []}
            self._tell(
                "response.content_part.added",
                item_id=name,
                output_index=self._index,
                content_index=0,
                part=part,
            )
        return self._message

    def _end_message(self) -> None:
        assert self._message is not None
        name, texts, notes = self._message
        self._message = None
        text = "".join(texts)
        part: Json = {"type": "output_text", "text": text, "annotations": notes}
        place: Json = {"item_id": name, "output_index": self._index, "content_index": 0}
        self._tell("response.output_text.done", **place, text=text)
        self._tell("response.content_part.done", **place, part=part)
        self._item_done(_message(name, "completed", [part]))

    def _cite(self, step: Cite) -> None:
        name, texts, notes = self._opened_message()
        for number in step.sources:
            if number >= len(self._found):
                continue
            source = self._found[number]
            start = len("".join(texts))
            mark = f"([{source.domain}]({source.url}))"
            self._pieces((mark,))
            note: Json = {"type": "url_citation", "start_index": start}
            note |= {"end_index": start + len(mark), "url": source.url, "title": source.title}
            self._tell(
                "response.output_text.annotation.added",
                item_id=name,
                output_index=self._index,
                content_index=0,
                annotation_index=len(notes),
                annotation=note,
            )
            notes.append(note)

    def _think(self, step: Think) -> None:
        if self._sections is None:
            name = self._item_id("rs")
            self._begin_item({"id": name, "type": "reasoning", "summary": []})
            self._sections = name, []
            self._open = self._end_thinking
        name, summary = self._sections
        place: Json = {"item_id": name, "output_index": self._index}
        place["summary_index"] = len(summary)
        empty: Json = {"type": "summary_text", "text": ""}
        self._tell("response.reasoning_summary_part.added", **place, part=empty)
        pieces = (f"**{step.summary}**", *(("\n\n",) if step.pieces else ()), *step.pieces)
        self._thought += len(pieces)
        self._run("response.reasoning_summary_text.delta", place, pieces)
        part: Json = {"type": "summary_text", "text": "".join(pieces)}
        summary.append(part)
        self._tell("response.reasoning_summary_text.done", **place, text=part["text"])
        self._tell("response.reasoning_summary_part.done", **place, part=part)

    def _end_thinking(self) -> None:
        assert self._sections is not None
        name, summary = self._sections
        self._sections = None
        item: Json = {"id": name, "type": "reasoning", "summary": summary}
        if self._scene.sealed:
            item["encrypted_content"] = seal(self._scene.owner, name)
        self._item_done(item)

    def _call(self, step: Call) -> None:
        custom = step.kind == "custom"
        field = "input" if custom else "arguments"
        item: Json = {"id": self._item_id("ctc" if custom else "fc"), "status": "in_progress"}
        item["type"] = "custom_tool_call" if custom else "function_call"
        item |= {"call_id": f"call_{self._ids.hex(24)}", "name": step.name, field: ""}
        if step.namespace:
            item["namespace"] = step.namespace
        self._begin_item(item)
        place: Json = {"item_id": item["id"], "output_index": self._index}
        kind = "custom_tool_call_input" if custom else "function_call_arguments"
        self._run(f"response.{kind}.delta", place, step.pieces)
        whole = "".join(step.pieces)
        self._said += len(step.pieces)
        self._tell(f"response.{kind}.done", **place, **{field: whole})
        self._item_done(item | {"status": "completed", field: whole})

    def _search(self, step: Search) -> None:
        self._found += step.sources
        item: Json = {"id": self._item_id("ws"), "type": "web_search_call"}
        self._begin_item(item | {"status": "in_progress"})
        for state in ("in_progress", "searching", "completed"):
            self._tell(
                f"response.web_search_call.{state}", output_index=self._index, item_id=item["id"]
            )
        action: Json = {"type": "search", "query": step.query}
        self._item_done(item | {"status": "completed", "action": action})

    def _image(self, step: Image) -> None:
        """A picture, if there is the tool for it: this model has no other way."""
        easel = self._scene.easel
        if easel is None:
            return
        item: Json = {"id": self._item_id("ig"), "type": "image_generation_call"}
        self._begin_item(item | {"status": "in_progress"})
        place: Json = {"output_index": self._index, "item_id": item["id"]}
        for state in ("in_progress", "generating"):
            self._tell(f"response.image_generation_call.{state}", **place)
        width, height = (step.width, step.height) if easel.size == "auto" else easel.pixels
        how: Json = {"size": f"{width}x{height}", "quality": "high", "background": "opaque"}
        how["output_format"] = easel.output_format
        for number in range(min(easel.partial_images, step.previews or 1)):
            view = _draw(f"{item['id']} {number}", width, height)
            self._tell(
                "response.image_generation_call.partial_image",
                **place,
                **how,
                partial_image_index=number,
                partial_image_b64=view,
            )
        drawn: Json = {"status": "completed", "action": "generate", **how}
        drawn |= {"result": _draw(str(item["id"]), width, height), "revised_prompt": step.title}
        self._item_done(item | drawn)

    # ------------------------------------------------------------------------- the end

    def _stop(self, step: Stop) -> None:
        if step.reason == "max_tokens":
            self._end("incomplete", {"incomplete_details": {"reason": "max_output_tokens"}})
        elif step.reason == "content_filter":
            self._end("incomplete", {"incomplete_details": {"reason": "content_filter"}})
        else:
            self._end("completed", {})

    def _fail(self, step: Fail) -> None:
        self._over = True
        code = step.code or "server_error"
        if step.form == "typed":
            self._tell("error", code=code, message=step.message, param=None)
            return
        error: Json = {"code": code, "message": step.message}
        self._tell("response.failed", response=self._response("failed") | {"error": error})

    def _end(self, status: str, more: Json) -> None:
        self._finish()
        self._over = True
        output = self._said + self._thought
        usage: Json = {
            "input_tokens": self._scene.input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": output,
            "output_tokens_details": {"reasoning_tokens": self._thought},
            "total_tokens": self._scene.input_tokens + output,
        }
        response = self._response(status) | {"usage": usage} | more
        self._tell(f"response.{status}", response=response)

    def _response(self, status: str) -> Json:
        return {
            "id": self._id,
            "object": "response",
            "created_at": int(self._scene.now),
            "status": status,
            "model": self._scene.model,
            "output": [],
            "store": False,
            "parallel_tool_calls": True,
            "reasoning": {"effort": self._scene.effort, "summary": "auto"},
        }

    # ------------------------------------------------------------------------- the wire

    def _frame(self, step: Frame) -> None:
        self.beats.append(step.text.encode())

    def _ping(self, _: Ping) -> None:
        self.beats.append(b": keepalive\n\n")

    def _silence(self, step: Wait | Stall | Cut) -> None:
        self.beats.append(step)

    def _tell(self, kind: str, /, **fields: object) -> None:
        event = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        self.beats.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode(event)))

    def _run(self, kind: str, place: Json, pieces: Sequence[str]) -> None:
        """Many events that differ in their number and their text only."""
        name = kind.encode()
        head = b'event: %b\ndata: {"type":"%b","sequence_number":' % (name, name)
        fixed = b"," + _encode(place)[1:-1] + b',"delta":'
        events = tuple(
            b"%b%d%b%b}\n\n" % (head, number, fixed, _encode(piece))
            for number, piece in enumerate(pieces, self._number)
        )
        self._number += len(events)
        self.beats.append(Run(events, b"".join(events)))


def _draw(name: str, width: int, height: int) -> str:
    """A picture in base64: a PNG, whatever was ordered, for this model knows no other."""
    return b64encode(draw(name, width, height)).decode()


def _message(name: str, status: str, content: list[Json]) -> Json:
    return {
        "id": name,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def tell(scene: Scene, steps: Sequence[AnyStep], ids: Ids) -> list[Beat]:
    """The whole answer."""
    narrator = Narrator(scene, ids)
    narrator.begin()
    for step in steps:
        narrator.feed(step)
    narrator.close()
    return narrator.beats
