"""The vocabulary of a turn: a ``Prompt`` goes down to an upstream, ``Delta``s come up.

Everything between a client's JSON and an upstream's wire format speaks these two types only.
Values are frozen; a new fact gets a new field or variant when one dialect can show it and one
upstream can say it, never an untyped bag.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct

# A JSON Schema as it came from the client. The only untyped value here: its shape is the client's.
JsonSchema: TypeAlias = Mapping[str, Any]

# ---------------------------------------------------------------------------- down: the prompt

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]

# Messages and their parts are kept in stores as JSON: msgspec encodes ``tuple[Message, ...]`` and
# decodes it to equal values. The tags and the names of the fields are that form: they stay as they
# are, and a new field has a default.


class Text(Struct, frozen=True, gc=False, tag="text", omit_defaults=True):
    """Plain text, said by anybody. ``sources`` are those of an earlier answer; their offsets count
    within this text."""

    text: str
    sources: "tuple[Citation, ...]" = ()


class Image(Struct, frozen=True, gc=False, tag="image", omit_defaults=True):
    """A picture in a message: an http(s) or data URL, or the id of an uploaded file. ``drawn``: the
    assistant made it in an earlier turn, and the message does nothing but show it, to an upstream
    that takes no picture as made by the assistant."""

    url: str = ""
    file_id: str = ""
    detail: str = "auto"
    drawn: bool = False


class File(Struct, frozen=True, gc=False, tag="file", omit_defaults=True):
    """A document in a message: inline (a data URL), an http(s) URL or an uploaded file's id."""

    name: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""


class ToolCall(Struct, frozen=True, gc=False, tag="tool_call", omit_defaults=True):
    """A call that the assistant made. ``arguments`` is JSON text (free text for a custom tool)."""

    id: str
    name: str
    arguments: str
    kind: Literal["function", "custom"] = "function"
    namespace: str = ""


class ToolResult(Struct, frozen=True, tag="tool_result", omit_defaults=True):
    """What came of the call ``call_id``."""

    call_id: str
    parts: "tuple[Text | Image | File, ...]"
    kind: Literal["function", "custom"] = "function"


class Reasoning(Struct, frozen=True, tag="reasoning", omit_defaults=True):
    """Thinking of an earlier turn that the client hands back: shown text and sealed original."""

    id: str = ""
    summary: tuple[str, ...] = ()
    encrypted: str = ""


class Native(Struct, frozen=True, gc=False, tag="native"):
    """What a hosted tool did in an earlier turn, as an item of the Responses API: its type, and its
    JSON text as it came. Only a backend that speaks that API understands it."""

    kind: str
    item: str


Part: TypeAlias = Text | Image | File | ToolCall | ToolResult | Reasoning | Native


class Message(Struct, frozen=True, omit_defaults=True):
    """One message of the history, in the order of the conversation. ``phase`` is what the
    assistant's words were for (``commentary``, ``final_answer``), where the upstream told."""

    role: Role
    parts: tuple[Part, ...]
    name: str = ""
    phase: str = ""

    @property
    def text(self) -> str:
        """The text parts, one after the other."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


class Tool(Struct, frozen=True):
    """A tool of the client. A custom tool takes free text, perhaps by a grammar, not JSON.
    ``space_description`` says what the tools of its namespace are for. ``built_in``: the Responses
    API knows the tool by a type of its own, which is its name. ``deferred``: the model is to find
    it by a search among tools, where the upstream has one."""

    name: str
    description: str = ""
    parameters: JsonSchema | None = None
    strict: bool = False
    kind: Literal["function", "custom"] = "function"
    grammar: str = ""
    syntax: str = ""
    namespace: str = ""
    space_description: str = ""
    built_in: bool = False
    deferred: bool = False


HostedKind: TypeAlias = Literal["web_search", "image_generation", "tool_search"]


class HostedTool(Struct, frozen=True):
    """A tool that the upstream itself runs, if it has one. ``options`` are the client's words for
    it, as they are declared to the Responses API, without the type."""

    kind: HostedKind
    options: JsonSchema = {}


class ToolChoice(Struct, frozen=True):
    """What the client wants called. ``names`` narrows the tools; empty means any of them.
    ``hosted`` is a hosted tool that has to be used."""

    mode: Literal["auto", "none", "required"] = "auto"
    names: tuple[str, ...] = ()
    hosted: HostedKind | None = None


class Sampling(Struct, frozen=True):
    """How to generate. An upstream that cannot obey a setting leaves it to the gateway or ignores
    it, as the table of parameters says. ``max_tokens`` counts tokens of the visible answer."""

    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    top_p: float | None = None


class Format(Struct, frozen=True):
    """The form the answer must have: text, any JSON object, or JSON by a schema."""

    kind: Literal["text", "json_object", "json_schema"] = "text"
    name: str = ""
    schema: JsonSchema | None = None
    strict: bool = False


class Thread(Struct, frozen=True, gc=False):
    """A conversation kept by the upstream, to go on after ``parent_message_id``."""

    conversation_id: str
    parent_message_id: str = ""


Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"]


class Media(Struct, frozen=True, gc=False):
    """How pictures and files of the answer are handed out. ``links`` is what the addresses of ours
    begin with (``https://host/media/``); empty: none can be made. ``inline``: the client takes the
    pictures themselves, as ``Picture.data``."""

    links: str = ""
    inline: bool = False


class Prompt(Struct, frozen=True):
    """One turn that a client asks for. ``stream`` is not in it: that is between the dialect and its
    client. ``hints`` are the upstream's own switches (``search``, ``reason``, ...); ``temporary``
    asks that the upstream keep no history (None: as the gateway is set). ``verbosity``, ``summary``
    (how reasoning is to be summed up), ``recall`` (how much of the reasoning of earlier turns the
    model is shown) and ``service_tier`` are the Responses API's words, empty where the client says
    nothing; ``cache_key`` names the conversation for prompt caches."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    parallel_tool_calls: bool = True
    sampling: Sampling = Sampling()
    format: Format = Format()
    effort: Effort | None = None
    thread: Thread | None = None
    hints: tuple[str, ...] = ()
    temporary: bool | None = None
    hosted: tuple[HostedTool, ...] = ()
    verbosity: str = ""
    summary: str = ""
    recall: str = ""
    cache_key: str = ""
    service_tier: str = ""
    media: Media = Media()


# ------------------------------------------------------------------------------- up: the deltas


class Started(Struct, frozen=True, gc=False):
    """The upstream has begun an answer: which model answers, in which conversation. It commits
    nobody to anything: until a later delta arrives, another account may still be asked. ``effort``
    is the one in force, where the upstream says it. Another one may follow, as soon as it is known
    which message holds the answer (``message_id``)."""

    model: str = ""
    conversation_id: str = ""
    effort: Effort | None = None
    message_id: str = ""


class MessageBegun(Struct, frozen=True, gc=False):
    """The text that follows is a message of its own, said in this ``phase`` (``commentary``,
    ``final_answer``; empty where the upstream does not tell). Text without it is one message."""

    phase: str = ""


class TextDelta(Struct, frozen=True, gc=False):
    """More text of the answer."""

    text: str


class RefusalDelta(Struct, frozen=True, gc=False):
    """More of the words with which the model declines to answer as it was asked to. They are not
    part of the answer's text."""

    text: str


class ReasoningDelta(Struct, frozen=True, gc=False):
    """More of the thinking that the upstream shows. ``part`` numbers its sections from 0. ``raw``:
    it is the thinking itself and no summary of it."""

    text: str
    part: int = 0
    raw: bool = False


class ReasoningSealed(Struct, frozen=True, gc=False):
    """The thinking so far, sealed: the client hands it back as ``Reasoning.encrypted`` and only the
    upstream can open it. ``id`` is the upstream's name for it. What is thought after it is thought
    anew."""

    encrypted: str
    id: str = ""


class WebSearch(Struct, frozen=True, gc=False):
    """A step of a web search that the upstream made by itself: it searched for ``query``, or for
    several ``queries``, opened ``url``, or looked for ``pattern`` there. ``failed``: it tried."""

    action: Literal["search", "open_page", "find_in_page"] = "search"
    query: str = ""
    url: str = ""
    pattern: str = ""
    queries: tuple[str, ...] = ()
    failed: bool = False


class NativeBegun(Struct, frozen=True, gc=False):
    """An item of the Responses API for which there is no word here begins: its type, and its JSON
    text as the upstream sent it, on one line. ``index`` numbers such items of the answer from 0."""

    index: int
    kind: str
    item: str


class NativeProgress(Struct, frozen=True, gc=False):
    """What the upstream tells of the native item ``index`` while it is under way: the type of the
    event, and its JSON text as it came, on one line. Like a preview it is no part of the answer."""

    index: int
    kind: str
    event: str


class NativeItem(Struct, frozen=True, gc=False):
    """An item of the Responses API for which there is no word here, as it stays: its type, and its
    JSON text as the upstream sent it, on one line. ``index`` is that of its ``NativeBegun``; -1:
    nothing was told of it before."""

    kind: str
    item: str
    index: int = -1


class CallStarted(Struct, frozen=True, gc=False):
    """A tool call begins. ``index`` numbers the calls of the answer from 0."""

    index: int
    id: str
    name: str
    kind: Literal["function", "custom"] = "function"
    namespace: str = ""


class CallDelta(Struct, frozen=True, gc=False):
    """More of the arguments of call ``index``."""

    index: int
    arguments: str


class CallEnded(Struct, frozen=True, gc=False):
    """The arguments of call ``index`` are whole."""

    index: int


class Citation(Struct, frozen=True, gc=False):
    """A source of the answer. ``start`` and ``end`` are offsets, in code points, of the readable
    mark within the answer's text as it was handed out (all ``TextDelta``s joined)."""

    start: int
    end: int
    url: str
    title: str


class Picture(Struct, frozen=True, gc=False):
    """A picture that the upstream made. ``asset`` is its pointer there (``file-service://file-...``
    or ``sediment://file_...``); sizes are pixels, 0 where unknown. ``data`` is the picture itself
    in base64, of the type ``image/<format>``: where the upstream sends it (then there is no asset),
    or where ``Media.inline`` asks for it. ``url`` is a link of ours to it, where one can be made.
    ``revised_prompt`` is what was drawn in the end."""

    asset: str
    width: int = 0
    height: int = 0
    title: str = ""
    data: str = ""
    format: str = "png"
    url: str = ""
    revised_prompt: str = ""


class PicturePreview(Struct, frozen=True, gc=False):
    """An unfinished picture, in base64, of the type ``image/<format>``. ``index`` numbers the
    previews of one picture from 0. Like ``Started`` it is no part of the answer, but it commits."""

    index: int
    data: str
    format: str = "png"


class PictureBegun(Struct, frozen=True, gc=False):
    """The upstream has set about making a picture; ``Picture`` brings it."""


class Usage(Struct, frozen=True, gc=False):
    """Tokens of a turn. ``exact`` is False where the gateway estimated them."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    exact: bool = False


FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]


class Finished(Struct, frozen=True, gc=False):
    """The good end of every answer, exactly once and last. ``message_id`` is where a next turn of
    the same conversation goes on. The engine fills ``usage`` in if the upstream says nothing."""

    reason: FinishReason
    conversation_id: str = ""
    message_id: str = ""
    usage: Usage | None = None


Delta: TypeAlias = (
    Started
    | MessageBegun
    | TextDelta
    | RefusalDelta
    | ReasoningDelta
    | ReasoningSealed
    | WebSearch
    | NativeBegun
    | NativeProgress
    | NativeItem
    | CallStarted
    | CallDelta
    | CallEnded
    | Citation
    | PictureBegun
    | PicturePreview
    | Picture
    | Finished
)
