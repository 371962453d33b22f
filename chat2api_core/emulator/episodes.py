"""The parts of a story that stand for themselves: tools at work, asides, hidden messages. Pure.

Input: the cast and a step. Output: story events of messages that are finished at their end. A new
kind of step is one function here and one line in ``EPISODES``.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from chat2api_core.ambient import Ids
from chat2api_core.emulator.answer import FINISHED, TEXT
from chat2api_core.emulator.exchange import Json
from chat2api_core.emulator.messages import (
    canvas_reply,
    image_message,
    image_task,
    run_output,
    tether_quote,
)
from chat2api_core.emulator.replies import (
    Aside,
    Canvas,
    Code,
    Hidden,
    Image,
    OldThought,
    Quote,
    Search,
    Step,
    ToolError,
)
from chat2api_core.emulator.scene import Cast
from chat2api_core.emulator.story import Changed, Grown, Happening, Patched

# A tool call is finished, the turn is not.
_CALL_FINISHED = Patched((FINISHED, Changed("/end_turn", "replace", value=False)))
IMAGE_TOOL = "t2uay3k.sj1i4kz"
_OLD_THINKER = "a8km123"


def aside(cast: Cast, step: Aside) -> list[Happening]:
    metadata = cast.text_metadata()
    if step.preamble:
        metadata["is_thinking_preamble_message"] = True
    content: Json = {"content_type": "text", "parts": [""]}
    channel = step.channel or None
    opened = cast.started("assistant", content, channel=channel, metadata=metadata)
    return [opened, *_grown(TEXT, step.pieces), _CALL_FINISHED]


def old_thought(cast: Cast, step: OldThought) -> list[Happening]:
    metadata: Json = {"initial_text": step.initial, "finished_text": step.initial}
    content: Json = {"content_type": "text", "parts": [""]}
    finished: Json = {"finished_text": step.finished, "is_complete": True}
    return [
        cast.started("tool", content, metadata=metadata, name=_OLD_THINKER),
        *_grown(TEXT, step.pieces),
        Patched((FINISHED, Changed("/metadata", "append", finished))),
    ]


def hidden(cast: Cast, step: Hidden) -> list[Happening]:
    content: Json = {"content_type": step.content_type}
    if step.content_type == "text":
        content["parts"] = [step.text]
    elif step.content_type == "model_editable_context":
        content.update(model_set_context=step.text, repository=None, repo_summary=None)
    else:
        content.update(user_profile=step.text, user_instructions=step.text)
    metadata: Json = {"is_visually_hidden_from_conversation": True}
    return [cast.whole(step.role, content, metadata=metadata)]


def code(cast: Cast, step: Code) -> list[Happening]:
    events = _call(cast, "python", step.pieces)
    if step.output is not None:
        result = run_output("".join(step.pieces), step.output, step.image, cast.ids.uuid())
        content: Json = {"content_type": "execution_output", "text": step.output}
        metadata: Json = {"aggregate_result": result}
        events.append(cast.whole("tool", content, metadata=metadata, name="python"))
    return events


def search(cast: Cast, step: Search) -> list[Happening]:
    """The call alone; what was found stands in the answer that follows."""
    text = msgspec.json.encode({"search_query": [{"q": step.query}]}).decode()
    content: Json = {"content_type": "code", "language": "unknown", "text": text}
    metadata: Json = {"search_queries": [{"type": "search", "q": step.query}]}
    call = cast.whole(
        "assistant", content, channel="commentary", metadata=metadata, recipient="web.run"
    )
    return [call]


def canvas(cast: Cast, step: Canvas) -> list[Happening]:
    call, metadata, name = canvas_reply(step, f"doc-{cast.ids.hex(8)}")
    content: Json = {"content_type": "text", "parts": [metadata.pop("text")]}
    return [
        *_call(cast, name, (call,)),
        cast.whole("tool", content, metadata=metadata, name=name, recipient="assistant"),
    ]


def image(cast: Cast, step: Image) -> list[Happening]:
    """The picture, growing if it has previews; only the word that it is made if it comes later."""
    gen_id = cast.ids.hex(12)
    if step.polls:
        said: Json = {"content_type": "text", "parts": ["Processing image. This may take a while."]}
        return [cast.whole("tool", said, metadata=image_task(gen_id), name=IMAGE_TOOL)]
    asset = step.asset or fresh_asset(cast.ids)
    content, metadata = image_message(step, asset, gen_id)
    if not step.previews:
        return [cast.whole("tool", content, metadata=metadata, name=IMAGE_TOOL)]
    views: list[Json] = []
    for number in range(step.previews):
        rows = step.height * (number + 1) // (step.previews + 1)
        views.append(image_message(step, fresh_asset(cast.ids), gen_id, rows=rows)[0])
    begun = cast.started("tool", views[0], metadata=metadata, name=IMAGE_TOOL)
    grown = [Changed("/content/parts", "replace", one["parts"]) for one in (*views[1:], content)]
    return [begun, *grown, Patched((FINISHED,))]


def fresh_asset(ids: Ids) -> str:
    """The pointer of a picture that is made now."""
    return f"sediment://file_{ids.hex(32)}"


def tool_error(cast: Cast, step: ToolError) -> list[Happening]:
    content: Json = {"content_type": "system_error", "name": step.name, "text": step.text}
    return [cast.whole("tool", content, name="python")]


def quote(cast: Cast, step: Quote) -> list[Happening]:
    return [cast.whole("tool", tether_quote(step), name="browser")]


# Which function tells which step, and the tool that it uses.
EPISODES: dict[type[Step], tuple[Callable[[Cast, Any], list[Happening]], str]] = {
    Aside: (aside, ""),
    OldThought: (old_thought, ""),
    Hidden: (hidden, ""),
    Code: (code, "python"),
    Search: (search, "web.run"),
    Canvas: (canvas, "canmore.create_textdoc"),
    Image: (image, IMAGE_TOOL),
    ToolError: (tool_error, "python"),
    Quote: (quote, "browser"),
}


def _call(cast: Cast, recipient: str, pieces: tuple[str, ...]) -> list[Happening]:
    """A call of a tool, its text growing piece by piece."""
    content: Json = {"content_type": "code", "language": "unknown", "text": ""}
    opened = cast.started("assistant", content, channel="commentary", recipient=recipient)
    return [opened, *_grown("/content/text", pieces), _CALL_FINISHED]


def _grown(path: str, pieces: tuple[str, ...]) -> list[Grown]:
    return [Grown(path, pieces)] if pieces else []
