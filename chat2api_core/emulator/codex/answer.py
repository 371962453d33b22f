"""An answer of the Codex backend as server-sent events. Pure; fresh names come from ``Ids``.

Input: the steps of a reply. Output: beats for the player. The rules: the order of events is the
official one, numbers do not skip, the last event's ``output`` is empty as the real one's, and
nothing follows it. Steps that only the web backend has are passed over.
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from chat2api_core.ambient import Ids
from chat2api_core.emulator.codex.deeds import Deeds
from chat2api_core.emulator.codex.easel import Easel
from chat2api_core.emulator.codex.items import Items
from chat2api_core.emulator.codex.seals import seal
from chat2api_core.emulator.codex.stream import Stream
from chat2api_core.emulator.encodings import Beat
from chat2api_core.emulator.exchange import Json
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


class Scene(Struct, frozen=True):
    """The facts of one answer. ``now`` is unix seconds, ``own_tools`` are the types of the declared
    tools, some of which have items of their own."""

    model: str
    owner: str
    now: float
    effort: str = "medium"
    input_tokens: int = 0
    sealed: bool = True
    easel: Easel | None = None
    own_tools: frozenset[str] = frozenset()


class Narrator:
    """Tells one answer. ``feed`` it the steps in order, then ``close``."""

    def __init__(self, scene: Scene, ids: Ids) -> None:
        self._stream = Stream()
        self._items = Items(self._stream, ids)
        self._deeds = Deeds(self._stream, self._items, ids, scene.own_tools)
        self._scene = scene
        self._ids = ids
        self._id = f"resp_{ids.hex(32)}"
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

    @property
    def beats(self) -> list[Beat]:
        """What was told so far."""
        return self._stream.beats

    def begin(self) -> None:
        """What comes before the answer."""
        response = self._response("in_progress") | {"usage": None}
        self._stream.tell("response.created", response=response)
        self._stream.tell("response.in_progress", response=response)

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

    def _say(self, step: Say) -> None:
        self._pieces(step.pieces)

    def _pieces(self, pieces: Sequence[str]) -> None:
        name, texts, _ = self._opened_message()
        texts += pieces
        self._said += len(pieces)
        place: Json = {"item_id": name, "output_index": self._items.index, "content_index": 0}
        self._stream.run("response.output_text.delta", place, pieces)

    def _opened_message(self) -> tuple[str, list[str], list[Json]]:
        if self._message is None:
            name = self._items.id("msg")
            self._items.begin(_message(name, "in_progress", []))
            self._message = name, [], []
            self._items.ending = self._end_message
            part: Json = {"type": "output_text", "text": "", "annotations": []}
            self._stream.tell(
                "response.content_part.added",
                item_id=name,
                output_index=self._items.index,
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
        place: Json = {"item_id": name, "output_index": self._items.index, "content_index": 0}
        self._stream.tell("response.output_text.done", **place, text=text)
        self._stream.tell("response.content_part.done", **place, part=part)
        self._items.done(_message(name, "completed", [part]))

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
            self._stream.tell(
                "response.output_text.annotation.added",
                item_id=name,
                output_index=self._items.index,
                content_index=0,
                annotation_index=len(notes),
                annotation=note,
            )
            notes.append(note)

    def _think(self, step: Think) -> None:
        if self._sections is None:
            name = self._items.id("rs")
            self._items.begin({"id": name, "type": "reasoning", "summary": []})
            self._sections = name, []
            self._items.ending = self._end_thinking
        name, summary = self._sections
        place: Json = {"item_id": name, "output_index": self._items.index}
        place["summary_index"] = len(summary)
        empty: Json = {"type": "summary_text", "text": ""}
        self._stream.tell("response.reasoning_summary_part.added", **place, part=empty)
        pieces = (f"**{step.summary}**", *(("\n\n",) if step.pieces else ()), *step.pieces)
        self._thought += len(pieces)
        self._stream.run("response.reasoning_summary_text.delta", place, pieces)
        part: Json = {"type": "summary_text", "text": "".join(pieces)}
        summary.append(part)
        self._stream.tell("response.reasoning_summary_text.done", **place, text=part["text"])
        self._stream.tell("response.reasoning_summary_part.done", **place, part=part)

    def _end_thinking(self) -> None:
        assert self._sections is not None
        name, summary = self._sections
        self._sections = None
        item: Json = {"id": name, "type": "reasoning", "summary": summary}
        if self._scene.sealed:
            item["encrypted_content"] = seal(self._scene.owner, name)
        self._items.done(item)

    def _call(self, step: Call) -> None:
        self._said += len(step.pieces)
        self._deeds.call(step)

    def _search(self, step: Search) -> None:
        self._found += step.sources
        self._deeds.search(step)

    def _image(self, step: Image) -> None:
        """A picture, if there is the tool for it: this model has no other way."""
        if self._scene.easel is not None:
            self._deeds.draw(step, self._scene.easel)

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
            self._stream.tell("error", code=code, message=step.message, param=None)
            return
        error: Json = {"code": code, "message": step.message}
        self._stream.tell("response.failed", response=self._response("failed") | {"error": error})

    def _end(self, status: str, more: Json) -> None:
        self._items.finish()
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
        self._stream.tell(f"response.{status}", response=response)

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
        self._stream.beats.append(step.text.encode())

    def _ping(self, _: Ping) -> None:
        self._stream.beats.append(b": keepalive\n\n")

    def _silence(self, step: Wait | Stall | Cut) -> None:
        self._stream.beats.append(step)


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
