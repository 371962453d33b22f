"""Conversations: init, prepare, the turn itself on both paths, and resuming a stream."""

from collections.abc import Sequence

import msgspec

from chat2api_core.emulator.asked import Heading, Heard, Turn
from chat2api_core.emulator.beats import shape
from chat2api_core.emulator.bodies import (
    ConversationBody,
    Init,
    Resume,
    Said,
    check_conversation,
    check_prepare,
    read,
)
from chat2api_core.emulator.catalog import answering, detail_metadata, limits_of
from chat2api_core.emulator.composer import Composition, compose
from chat2api_core.emulator.drawing import PICTURE, check_order, later_pictures
from chat2api_core.emulator.encodings import V1, Encoding, Whole
from chat2api_core.emulator.exchange import Answer, Json, Refused, ok, refusal
from chat2api_core.emulator.faults import Named, Respond, show
from chat2api_core.emulator.feeds import Work
from chat2api_core.emulator.messages import make_message
from chat2api_core.emulator.player import Playback
from chat2api_core.emulator.pointers import check_files, keep_files
from chat2api_core.emulator.replies import Cut, Reply, Task
from chat2api_core.emulator.scene import Scene
from chat2api_core.emulator.threads import Thread
from chat2api_core.emulator.tokens import make_jwt
from chat2api_core.emulator.world import Visit, World

_RESUME_SECONDS = 4 * 3600


def init(world: World, visit: Visit) -> Answer:  # noqa: ARG001 (the form of a handler)
    """``POST conversation/init``: limits and defaults before a chat."""
    read(visit.call.body, Init, visit.call.header("content-type"))
    return ok(detail_metadata(visit.caller))


def prepare(world: World, visit: Visit) -> Answer:
    """``POST f/conversation/prepare``: a conduit token for the turn to come."""
    body = read(visit.call.body, ConversationBody, visit.call.header("content-type"))
    check_prepare(body)
    world.desk.check_conduit(visit.call, visit.caller)
    if body.conversation_id is not None:
        world.threads.get(body.conversation_id, visit.caller.owner)
    hints = tuple(body.system_hints)
    return ok({"status": "ok", "conduit_token": world.desk.conduit(visit.caller, hints)})


def converse(world: World, visit: Visit) -> Answer | Playback:
    """``POST f/conversation`` and ``POST conversation``: one turn, answered as a stream."""
    call, caller = visit.call, visit.caller
    body = read(call.body, ConversationBody, call.header("content-type"))
    check_conversation(body, world.options.max_characters)
    check_files(body.messages or (), world.shelf, caller.owner)
    if world.options.sentinel:
        world.desk.admit(call, caller)
    world.desk.check_conduit(call, caller)
    if check_order(body, caller, current=call.path.startswith("/f/")):
        world.desk.check_prepared(call, PICTURE)
    thread, first = _open(world, visit, body)
    sent = _send(thread, body)
    turn = _turn(thread, body, visit)
    reply = _decide(world, thread, body, turn)
    if not isinstance(reply, Reply):
        if first:
            world.threads.drop(thread.id)
        return show(reply)
    return _tell(world, visit, thread, body, sent, reply, turn if first else None)


def resume(world: World, visit: Visit) -> Playback:
    """``POST f/conversation/resume``: the stream of a running turn once more."""
    body = read(visit.call.body, Resume, visit.call.header("content-type"))
    if body.offset < 0:
        raise Refused(refusal(422, "offset must not be negative"))
    token = visit.call.header("x-conduit-token")
    beats = world.replays.resume(body.conversation_id, visit.caller.owner, token, body.offset)
    return Playback(beats, world.options.delay)


def _open(world: World, visit: Visit, body: ConversationBody) -> tuple[Thread, bool]:
    """The conversation of this turn, and whether it has just begun."""
    owner = visit.caller.owner
    if body.conversation_id is None:
        now = world.clock.now()
        thread = world.threads.open(world.ids.uuid(), owner, body.parent_message_id, now)
        thread.temporary = body.history_and_training_disabled
        thread.gizmo_id = body.conversation_mode.gizmo_id
        return thread, True
    thread = world.threads.get(body.conversation_id, owner)
    node = thread.nodes.get(body.parent_message_id)
    continued = body.action == "continue"
    if node is None or (continued and _role(node.message) != "assistant"):
        detail = {"message": "Can't find the parent message.", "code": "message_not_found"}
        raise Refused(refusal(404, detail))
    return thread, False


def _send(thread: Thread, body: ConversationBody) -> list[Json]:
    """Put the client's messages into the conversation, each under the one before."""
    parent = thread.current = body.parent_message_id
    sent: list[Json] = []
    for said in body.messages or ():
        message = _document(said)
        thread.add(message, parent)
        parent = said.id
        sent.append(message)
    return sent


def _document(said: Said) -> Json:
    content = {
        name: value
        for name, value in msgspec.structs.asdict(said.content).items()
        if value is not None
    }
    return make_message(
        said.id,
        said.author.role,
        content,
        name=said.author.name,
        metadata=dict(said.metadata),
        created=said.create_time,
    )


def _turn(thread: Thread, body: ConversationBody, visit: Visit) -> Turn:
    """What the model is asked."""
    heading = Heading(
        action=body.action,
        model=body.model,
        thinking_effort=body.thinking_effort or "",
        system_hints=tuple(body.system_hints),
        gizmo_id=body.conversation_mode.gizmo_id or "",
        temporary=body.history_and_training_disabled,
        anonymous=visit.caller.account is None,
        plan=visit.caller.plan,
    )
    return Turn(tuple(_hear(message) for message in thread.branch(thread.current)), heading)


def _hear(message: Json) -> Heard:
    content = _json(message["content"])
    parts = content.get("parts")
    parts = parts if isinstance(parts, list) else []
    attachments = _json(message["metadata"]).get("attachments")
    text = "".join(part for part in parts if isinstance(part, str)) or str(content.get("text", ""))
    return Heard(
        id=str(message["id"]),
        role=_role(message),
        text=text,
        parts=tuple(parts),
        attachments=tuple(attachments) if isinstance(attachments, list) else (),
    )


def _decide(
    world: World, thread: Thread, body: ConversationBody, turn: Turn
) -> Reply | Named | Respond:
    """What the model says: what the script has, the rest of a cut answer, or its own idea."""
    scripted = world.script.next_reply()
    if scripted is not None:
        return scripted
    if body.action == "continue":
        rest = thread.nodes[body.parent_message_id].rest
        if rest:
            return Reply(rest)
    return world.model(turn)


def _tell(
    world: World,
    visit: Visit,
    thread: Thread,
    body: ConversationBody,
    sent: Sequence[Json],
    reply: Reply,
    opening: Turn | None,
) -> Playback:
    """Compose the answer, keep it, and hand out the stream."""
    scene = _scene(world, visit, thread, body, reply, opening)
    v1 = "v1" in body.supported_encodings
    encoding: Encoding = V1(thread.id, world.run) if v1 else Whole(thread.id)
    composed = compose(scene, sent, reply.steps, encoding, world.ids)
    _keep(world, thread, composed)
    later = tuple(later_pictures(reply.steps, world.ids, scene.now))
    for drawing in later:
        thread.draw(drawing)
    shown = [*composed.messages, *(drawing.message for drawing in later)]
    keep_files(world.shelf, thread, shown, reply.steps)
    owner = visit.caller.owner
    beats = world.replays.start(
        thread.id,
        owner,
        scene.resume_token,
        composed.beats,
        topic=f"conversation-turn-{scene.turn_exchange_id}",
        epoch=int(scene.now * 1000),
    )
    delay = world.options.delay if reply.delay is None else reply.delay
    return Playback(shape(beats, reply.wire), delay, reply.wire.chunk)


def _scene(
    world: World,
    visit: Visit,
    thread: Thread,
    body: ConversationBody,
    reply: Reply,
    opening: Turn | None,
) -> Scene:
    now = world.clock.now()
    exchange = world.ids.uuid()
    if opening is not None and not thread.temporary:
        thread.title = reply.title or " ".join(opening.last_user_text.split()[:5]) or thread.title
    claims = {
        "conduit_uuid": world.ids.hex(32),
        "turn_topic_id": f"conversation-turn-{exchange}",
        "exp": int(now) + _RESUME_SECONDS,
    }
    return Scene(
        conversation_id=thread.id,
        parent_id=thread.current,
        model=reply.model or answering(visit.caller, body.model),
        now=now,
        message_type=body.action,
        turn_exchange_id=exchange,
        resume_token=make_jwt(msgspec.json.encode(claims)),
        plan=visit.caller.plan,
        title=thread.title if opening is not None and not thread.temporary else "",
        first_turn=opening is not None,
        limits=limits_of(visit.caller),
    )


def _keep(world: World, thread: Thread, composed: Composition) -> None:
    """Hang the answer into the conversation."""
    made = composed.messages[: composed.made] if composed.task else composed.messages
    for message in made:
        thread.add(message, thread.current)
    if composed.task is not None:
        thread.begin_work(_work(world, composed, composed.task))
    breaks = [beat for beat in composed.beats if isinstance(beat, Cut)]
    thread.unfinished = -1 if any(one.lost for one in breaks) else sum(one.polls for one in breaks)
    thread.nodes[thread.current].rest = composed.rest
    thread.updated = world.clock.now()


def _work(world: World, composed: Composition, task: Task) -> Work:
    progress = make_message(
        world.ids.uuid(),
        "assistant",
        {"content_type": "text", "parts": [""]},
        channel="commentary",
        metadata={"async_task_type": task.kind, "async_task_id": task.id},
        created=world.clock.now(),
    )
    return Work(task, composed.messages[composed.made :], progress, task.polls)


def _role(message: Json | None) -> str:
    return str(_json(message["author"])["role"]) if message else ""


def _json(value: object) -> Json:
    assert isinstance(value, dict)
    return value
