"""The Codex backend: its models, a turn, and how much of the plan is used."""

from chat2api_core.emulator.asked import Heading, Heard, Turn
from chat2api_core.emulator.beats import shape
from chat2api_core.emulator.codex.answer import Scene, tell
from chat2api_core.emulator.codex.body import Body, Item, read_body
from chat2api_core.emulator.codex.catalog import document
from chat2api_core.emulator.codex.compaction import compact as make_short
from chat2api_core.emulator.codex.faults import detail
from chat2api_core.emulator.exchange import Answer, Refused, ok
from chat2api_core.emulator.faults import show
from chat2api_core.emulator.player import Playback
from chat2api_core.emulator.replies import Reply
from chat2api_core.emulator.world import Visit, World

_CHARACTERS_PER_TOKEN = 4
_OUTPUTS = ("function_call_output", "custom_tool_call_output")


def models(world: World, visit: Visit) -> Answer:  # noqa: ARG001 (the form of a handler)
    """``GET codex/models``: the catalog, unless the client has it already."""
    _check_headers(visit)
    version = visit.call.query.get("client_version", "")
    if not version:
        raise Refused(detail(400, "client_version is required"))
    body, etag = document(visit.caller.plan, version)
    if visit.call.header("if-none-match") == etag:
        return Answer(304, b"", "", (("etag", etag),))
    return Answer(200, body, headers=(("etag", etag),))


def usage(world: World, visit: Visit) -> Answer:
    """``GET wham/usage``."""
    caller = visit.caller
    return ok(world.plans.document(caller.owner, caller.plan, world.clock.now()))


def respond(world: World, visit: Visit) -> Answer | Playback:
    """``POST codex/responses``: one turn, answered as a stream."""
    call, caller = visit.call, visit.caller
    _check_headers(visit)
    if "text/event-stream" not in call.header("accept"):
        raise Refused(detail(406, "Not Acceptable"))
    if not call.header("content-type").startswith("application/json"):
        raise Refused(detail(415, "Unsupported media type"))
    body = read_body(call.body, plan=caller.plan, owner=caller.owner)
    reply = world.script.next_reply() or world.model(_turn(body, visit))
    if not isinstance(reply, Reply):
        return show(reply)
    world.plans.use(caller.owner)
    now = world.clock.now()
    scene = Scene(
        model=reply.model or body.model,
        owner=caller.owner,
        now=now,
        effort=body.reasoning.effort or "medium",
        input_tokens=len(call.body) // _CHARACTERS_PER_TOKEN,
        sealed="reasoning.encrypted_content" in body.include,
        easel=body.easel,
        own_tools=frozenset(str(tool.get("type")) for tool in body.tools),
    )
    beats = shape(tell(scene, reply.steps, world.ids), reply.wire)
    delay = world.options.delay if reply.delay is None else reply.delay
    headers = world.plans.headers(caller.owner, caller.plan, now)
    return Playback(beats, delay, reply.wire.chunk, headers)


def compact(world: World, visit: Visit) -> Answer:
    """``POST codex/responses/compact``: a history made short, answered as a document."""
    call, caller = visit.call, visit.caller
    _check_headers(visit)
    if "application/json" not in call.header("accept"):
        raise Refused(detail(406, "Not Acceptable"))
    now = world.clock.now()
    body = make_short(call.body, plan=caller.plan, owner=caller.owner, now=now, ids=world.ids)
    world.plans.use(caller.owner)
    return Answer(200, body, headers=world.plans.headers(caller.owner, caller.plan, now))


def _check_headers(visit: Visit) -> None:
    call = visit.call
    for name in ("chatgpt-account-id", "originator", "user-agent"):
        if not call.header(name):
            raise Refused(detail(400, f"Missing header: {name}"))


def _turn(body: Body, visit: Visit) -> Turn:
    heading = Heading(
        action="next",
        model=body.model,
        thinking_effort=body.reasoning.effort or "",
        system_hints=("picture_v2",) if _asks_for_picture(body) else (),
        temporary=True,
        plan=visit.caller.plan,
        tools=body.tool_names,
    )
    return Turn(tuple(_heard(item) for item in body.input if _speaks(item)), heading)


def _asks_for_picture(body: Body) -> bool:
    choice = body.tool_choice
    return isinstance(choice, dict) and choice.get("type") == "image_generation"


def _speaks(item: Item) -> bool:
    return item.type == "message" or item.type in _OUTPUTS


def _heard(item: Item) -> Heard:
    role = "tool" if item.type in _OUTPUTS else item.role or ""
    parts = item.content if isinstance(item.content, list) else []
    return Heard(item.id or "", role, item.text, tuple(parts))
