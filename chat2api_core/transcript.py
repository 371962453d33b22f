"""The fold of an answer's deltas: what was said, declined, thought, called, cited and drawn, and
how it ended.

The non-streaming document, the last event of a stream and the estimate of tokens are read off it;
nothing ever parses its own output.
"""

from collections.abc import Iterator
from typing import assert_never

from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Delta,
    Finished,
    MessageBegun,
    NativeBegun,
    NativeItem,
    NativeProgress,
    Picture,
    PictureBegun,
    PicturePreview,
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCall,
    WebSearch,
)


class Transcript:
    """Feed it every delta of one answer, in order; read it at any time."""

    __slots__ = (
        "_heads", "_pieces", "_tail", "citations", "drawing", "finished", "pictures", "started",
    )  # fmt: skip

    def __init__(self) -> None:
        self.started: Started | None = None
        self.finished: Finished | None = None
        self.citations: list[Citation] = []
        self.pictures: list[Picture] = []
        self.drawing = False  # a picture was begun, whether or not it came
        # The deltas in order, neighbours that say more of the same joined: the first of each run,
        # and all its texts.
        self._heads: list[Delta] = []
        self._pieces: list[list[str]] = []
        self._tail: Delta | None = None

    def feed(self, delta: Delta) -> None:  # noqa: C901 (one branch a kind that can be joined)
        """Take one more delta in."""
        if isinstance(delta, TextDelta):
            if type(self._tail) is not TextDelta:
                self._begin(delta)
            self._pieces[-1].append(delta.text)
        elif isinstance(delta, RefusalDelta):
            if type(self._tail) is not RefusalDelta:
                self._begin(delta)
            self._pieces[-1].append(delta.text)
        elif isinstance(delta, ReasoningDelta):
            tail = self._tail
            if not (
                isinstance(tail, ReasoningDelta)
                and tail.part == delta.part
                and tail.raw == delta.raw
            ):
                self._begin(delta)
            self._pieces[-1].append(delta.text)
        elif isinstance(delta, CallDelta):
            tail = self._tail
            if not (isinstance(tail, CallDelta) and tail.index == delta.index):
                self._begin(delta)
            self._pieces[-1].append(delta.arguments)
        else:
            self._single(delta)

    @property
    def deltas(self) -> Iterator[Delta]:
        """The deltas in order, neighbours that say more of the same joined into one."""
        for head, pieces in zip(self._heads, self._pieces, strict=True):
            if isinstance(head, TextDelta):
                yield TextDelta("".join(pieces))
            elif isinstance(head, RefusalDelta):
                yield RefusalDelta("".join(pieces))
            elif isinstance(head, ReasoningDelta):
                yield ReasoningDelta("".join(pieces), head.part, head.raw)
            elif isinstance(head, CallDelta):
                yield CallDelta(head.index, "".join(pieces))
            else:
                yield head

    @property
    def text(self) -> str:
        """The whole answer so far."""
        return "".join(delta.text for delta in self.deltas if isinstance(delta, TextDelta))

    @property
    def refusal(self) -> str:
        """The words with which the model has declined so far."""
        return "".join(delta.text for delta in self.deltas if isinstance(delta, RefusalDelta))

    @property
    def reasoning(self) -> tuple[str, ...]:
        """The thinking so far, section by section."""
        sections: list[str] = []
        for delta in self.deltas:
            if isinstance(delta, ReasoningDelta):
                sections += [""] * (delta.part + 1 - len(sections))
                sections[delta.part] += delta.text
        return tuple(sections)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tool calls so far."""
        started: dict[int, CallStarted] = {}
        arguments: dict[int, str] = {}
        for delta in self.deltas:
            if isinstance(delta, CallStarted):
                started[delta.index] = delta
                arguments.setdefault(delta.index, "")
            elif isinstance(delta, CallDelta):
                arguments[delta.index] += delta.arguments
        return tuple(
            ToolCall(call.id, call.name, arguments[index], call.kind, call.namespace)
            for index, call in started.items()
        )

    def _begin(self, delta: Delta) -> None:
        self._tail = delta
        self._heads.append(delta)
        self._pieces.append([])

    def _single(
        self,
        delta: CallStarted
        | CallEnded
        | Citation
        | Picture
        | Started
        | Finished
        | MessageBegun
        | ReasoningSealed
        | WebSearch
        | NativeBegun
        | NativeProgress
        | NativeItem
        | PictureBegun
        | PicturePreview,
    ) -> None:
        self.drawing |= isinstance(delta, PictureBegun | PicturePreview | Picture)
        if isinstance(delta, PictureBegun | PicturePreview | NativeProgress):
            return  # the picture itself is what stays, and so is the item
        if isinstance(delta, Started) and self.started is not None:
            self.started = delta  # the same beginning, of which more is known
            return
        if isinstance(delta, Citation):
            self.citations.append(delta)
        elif isinstance(delta, Picture):
            self.pictures.append(delta)
        elif isinstance(delta, Started):
            self.started = delta
        elif isinstance(delta, Finished):
            self.finished = delta
        elif not isinstance(
            delta,
            MessageBegun
            | CallStarted
            | CallEnded
            | ReasoningSealed
            | WebSearch
            | NativeBegun
            | NativeItem,
        ):
            assert_never(delta)
        self._begin(delta)
