"""What the scripted model can do: a ``Reply`` is a sequence of steps. Values only.

A step becomes one or more messages of the answer, typed events or trouble in the stream; the
narrator decides how. The rule: every step can be written in JSON (``{"type": "say", ...}``), so a
test in another process can script a reply.
"""

from typing import Literal, TypeAlias

from msgspec import Struct

from chat2api_core.emulator.exchange import Json


class Step(Struct, frozen=True, tag_field="type", forbid_unknown_fields=True):
    """What all steps share: how they look in JSON."""


class Say(Step, frozen=True, tag="say"):
    """Text of the visible answer, one event per piece. Several in a row are one message.

    ``patched`` sends each piece as a patch of one operation, as the service does at times."""

    pieces: tuple[str, ...]
    patched: bool = False


class Think(Step, frozen=True, tag="think"):
    """A section of thinking under a headline, one event per piece. Several in a row are sections of
    one message. ``recap`` is the time it took in seconds; it ends the thinking if above 0."""

    summary: str
    pieces: tuple[str, ...] = ()
    recap: int = 0


class Aside(Step, frozen=True, tag="aside"):
    """Text that is not the answer, in a channel of its own. ``preamble`` marks the short note on
    progress that precedes long work; no channel at all makes it look like an old answer."""

    pieces: tuple[str, ...]
    channel: Literal["analysis", "commentary", ""] = "commentary"
    preamble: bool = False


class OldThought(Step, frozen=True, tag="old_thought"):
    """Thinking as the first reasoning models showed it: a message of role ``tool``."""

    pieces: tuple[str, ...]
    initial: str = "Thinking"
    finished: str = "Thought for 5 seconds"


class Hidden(Step, frozen=True, tag="hidden"):
    """A message that must never be shown. Some hidden ones have a content type of their own."""

    text: str
    role: Literal["assistant", "system", "tool", "user"] = "assistant"
    content_type: Literal["text", "model_editable_context", "user_editable_context"] = "text"


class Written(Struct, frozen=True, forbid_unknown_fields=True):
    """A file that code wrote, by its path in the sandbox (``/mnt/data/...``)."""

    path: str
    text: str = ""


class Code(Step, frozen=True, tag="code"):
    """A run of the code interpreter: the code, one event per piece, then its output.

    ``output`` None: no output message. ``image`` is an asset pointer of a plot. ``files`` are there
    afterwards for whoever asks for them by their path."""

    pieces: tuple[str, ...]
    output: str | None = None
    image: str = ""
    files: tuple[Written, ...] = ()


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """A web page that a search found."""

    url: str
    title: str
    snippet: str = ""

    @property
    def domain(self) -> str:
        return self.url.partition("://")[2].partition("/")[0]


class Search(Step, frozen=True, tag="search"):
    """A web search. What it found can be cited by number, counted from 0 over all searches."""

    query: str
    sources: tuple[Source, ...]


class Cite(Step, frozen=True, tag="cite"):
    """A citation mark within the answer, in the new form (private-use characters) or the old one
    (lenticular brackets). ``cut`` sends the mark in two events."""

    sources: tuple[int, ...] = (0,)
    style: Literal["new", "old"] = "new"
    cut: bool = False


class Canvas(Step, frozen=True, tag="canvas"):
    """A document put beside the conversation."""

    name: str
    content: str
    kind: str = "document"


class Image(Step, frozen=True, tag="image"):
    """A picture that was made, known by its asset pointer (empty: a fresh one).

    So many ``previews`` precede it. With ``polls`` it is not in the stream at all: the stream says
    that it is being made, and the conversation has it when it is asked for that many times."""

    asset: str = ""
    title: str = "Image"
    prompt: str = ""
    width: int = 1024
    height: int = 1024
    size_bytes: int = 123456
    previews: int = 0
    polls: int = 0


class ToolError(Step, frozen=True, tag="tool_error"):
    """A tool failed: a message of content type ``system_error``."""

    text: str
    name: str = "tool_error"


class Quote(Step, frozen=True, tag="quote"):
    """A page quoted by the old browsing tool."""

    source: Source
    text: str


class Call(Step, frozen=True, tag="call"):
    """A call of one of the client's tools, one event per piece of its arguments. Only the Codex
    backend can make one; the web backend passes over it."""

    name: str
    pieces: tuple[str, ...] = ("{}",)
    kind: Literal["function", "custom"] = "function"
    namespace: str = ""


class Moderated(Step, frozen=True, tag="moderated"):
    """The verdict of moderation on the answer so far."""

    blocked: bool = True


class Stop(Step, frozen=True, tag="stop"):
    """The answer ends here for this reason. What follows a ``max_tokens`` is what a call with
    ``action: continue`` gets."""

    reason: Literal["stop", "max_tokens", "interrupted", "content_filter", "unknown"]


class Fail(Step, frozen=True, tag="fail"):
    """An error within the stream, which then ends with ``[DONE]`` but never as complete.

    ``document`` is the form with a null message, ``object`` the same with an error of message and
    code, ``snapshot`` a root document of the delta encoding, ``typed`` an event of type error."""

    message: str = "Something went wrong while generating the response."
    code: str = ""
    form: Literal["document", "object", "snapshot", "typed"] = "document"


class Handoff(Step, frozen=True, tag="handoff"):
    """The stream is handed off; the rest is fetched at one of these options' places. ``whole``: the
    WebSocket's topic has the stream from its beginning, not the rest alone."""

    options: tuple[Literal["subscribe_ws_topic", "resume_sse_endpoint"], ...] = (
        "subscribe_ws_topic",
        "resume_sse_endpoint",
    )
    whole: bool = False


class Task(Step, frozen=True, tag="task"):
    """A long task is at work: the stream ends here in good form, with the mark that it is. The
    steps after it are what the task makes; it is there when the conversation was asked for
    ``polls`` times, or at once for who listens on the WebSocket. ``progress`` is what it says in
    the meantime, piece by piece."""

    progress: tuple[str, ...] = ()
    polls: int = 2
    kind: str = "research"
    id: str = "task-1"


class Typed(Step, frozen=True, tag="typed"):
    """Any typed event; the conversation's id is added to it."""

    event: Json


class Frame(Step, frozen=True, tag="frame"):
    """Any text at all, put into the stream as it stands."""

    text: str


class Ping(Step, frozen=True, tag="ping"):
    """A keep-alive comment."""


class Wait(Step, frozen=True, tag="wait"):
    """Silence for so many seconds."""

    seconds: float


class Stall(Step, frozen=True, tag="stall"):
    """Silence until the client gives up."""


class Cut(Step, frozen=True, tag="cut"):
    """The connection breaks within the body; ``clean`` ends the body in good form, yet without
    the markers that end a stream.

    ``resume`` False: the stream is gone with it. The kept conversation then shows the answer half
    done until it was asked for ``polls`` times; ``lost``: it stays like that for good."""

    clean: bool = False
    resume: bool = True
    polls: int = 0
    lost: bool = False


AnyStep: TypeAlias = (
    Say
    | Think
    | Aside
    | OldThought
    | Hidden
    | Code
    | Search
    | Cite
    | Canvas
    | Image
    | ToolError
    | Quote
    | Call
    | Moderated
    | Stop
    | Fail
    | Handoff
    | Task
    | Typed
    | Frame
    | Ping
    | Wait
    | Stall
    | Cut
)


class Wire(Struct, frozen=True, forbid_unknown_fields=True):
    """How the finished stream is cut and written. All of these are legal, if unkind.

    ``chunk`` is the size of a network chunk in bytes (0: as large as it comes), ``newline`` ends
    the lines, ``glued`` puts neighbouring delta objects into one data line, ``ragged`` leaves out
    the blank line after the last event."""

    chunk: int = 0
    newline: Literal["\n", "\r\n", "\r"] = "\n"
    glued: bool = False
    ragged: bool = False


class Reply(Struct, frozen=True, tag_field="type", tag="reply", forbid_unknown_fields=True):
    """One answer of the model.

    ``model`` is the slug that really answers (empty: the one that was asked for). ``delay`` is the
    time in seconds that each piece takes (None: as the emulator was started)."""

    steps: tuple[AnyStep, ...] = ()
    model: str = ""
    title: str = ""
    delay: float | None = None
    wire: Wire = Wire()
