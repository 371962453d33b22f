"""The fold of an answer's deltas: what was said, thought, called, cited, drawn, and how it ended.

The non-streaming document, the last event of a stream and the estimate of tokens are read off it;
nothing ever parses its own output.
"""

from typing import assert_never

from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Delta,
    Finished,
    Picture,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCall,
)


class Transcript:
    """Feed it every delta of one answer, in order; read it at any time."""

    __slots__ = (
        "_arguments", "_calls", "_reasoning", "_text", "citations", "finished", "pictures",
        "started",
    )  # fmt: skip

    def __init__(self) -> None:
        self.started: Started | None = None
        self.finished: Finished | None = None
        self.citations: list[Citation] = []
        self.pictures: list[Picture] = []
        self._text: list[str] = []
        self._reasoning: list[list[str]] = []
        self._calls: list[CallStarted] = []
        self._arguments: list[list[str]] = []

    def feed(self, delta: Delta) -> None:  # noqa: C901 (one branch a variant of a closed union)
        """Take one more delta in."""
        if isinstance(delta, TextDelta):
            self._text.append(delta.text)
        elif isinstance(delta, ReasoningDelta):
            while len(self._reasoning) <= delta.part:
                self._reasoning.append([])
            self._reasoning[delta.part].append(delta.text)
        elif isinstance(delta, CallStarted):
            self._calls.append(delta)
            self._arguments.append([])
        elif isinstance(delta, CallDelta):
            self._arguments[delta.index].append(delta.arguments)
        elif isinstance(delta, Citation):
            self.citations.append(delta)
        elif isinstance(delta, Picture):
            self.pictures.append(delta)
        elif isinstance(delta, Started):
            self.started = delta
        elif isinstance(delta, Finished):
            self.finished = delta
        elif isinstance(delta, CallEnded):
            pass  # the arguments are already here
        else:
            assert_never(delta)

    @property
    def text(self) -> str:
        """The whole answer so far."""
        return "".join(self._text)

    @property
    def reasoning(self) -> tuple[str, ...]:
        """The thinking so far, section by section."""
        return tuple("".join(pieces) for pieces in self._reasoning)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tool calls so far."""
        return tuple(
            ToolCall(call.id, call.name, "".join(pieces), call.kind, call.namespace)
            for call, pieces in zip(self._calls, self._arguments, strict=True)
        )
