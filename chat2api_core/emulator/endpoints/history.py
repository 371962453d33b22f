"""Kept conversations: reading, changing, listing, and what the web client asks around them."""

import msgspec
from msgspec import Struct

from chat2api_core.emulator.bodies import Patch, read
from chat2api_core.emulator.exchange import Answer, invalid, ok
from chat2api_core.emulator.threads import Thread, not_found
from chat2api_core.emulator.world import Visit, World

_PAGE = 28
_MAX_PAGE = 100


class _Urls(Struct):
    urls: list[str]


class _StopBody(Struct):
    conversation_id: str


class _TitleBody(Struct):
    message_id: str


def show(world: World, visit: Visit) -> Answer:
    """``GET conversation/{id}``: the tree. A temporary chat is not there."""
    thread = _kept(world, visit)
    thread.look()
    return ok(thread.document())


def change(world: World, visit: Visit) -> Answer:
    """``PATCH conversation/{id}``: hide, archive or rename. A hidden one is gone."""
    patch = read(visit.call.body, Patch, visit.call.header("content-type"))
    if patch == Patch():
        raise invalid((), "nothing to change")
    thread = world.threads.get(visit.name, visit.caller.owner)
    if patch.title is not None:
        thread.title = patch.title
    if patch.is_archived is not None:
        thread.archived = patch.is_archived
    if patch.is_visible is False:
        world.threads.drop(thread.id)
    return ok({"success": True})


def listing(world: World, visit: Visit) -> Answer:
    """``GET conversations``: the caller's own, latest first."""
    offset = _number(visit, "offset", 0)
    limit = min(_number(visit, "limit", _PAGE), _MAX_PAGE)
    threads = world.threads.of(visit.caller.owner)
    return ok(
        {
            "items": [thread.entry() for thread in threads[offset : offset + limit]],
            "total": len(threads),
            "limit": limit,
            "offset": offset,
            "has_missing_conversations": False,
        }
    )


def stream_status(world: World, visit: Visit) -> Answer:
    """``GET conversation/{id}/stream_status``."""
    thread = world.threads.get(visit.name, visit.caller.owner)
    streaming = thread.unfinished > 0 or (
        thread.unfinished == 0 and world.replays.streaming(thread.id, visit.caller.owner)
    )
    return ok({"status": "IS_STREAMING" if streaming else "NOT_STREAMING"})


def title(world: World, visit: Visit) -> Answer:
    """``POST conversation/gen_title/{id}``."""
    read(visit.call.body, _TitleBody, visit.call.header("content-type"))
    return ok({"title": _kept(world, visit).title})


def stop(world: World, visit: Visit) -> Answer:
    """``POST stop_conversation``: what is left of a stream is not told any more."""
    body = read(visit.call.body, _StopBody, visit.call.header("content-type"))
    thread = world.threads.get(body.conversation_id, visit.caller.owner)
    world.replays.drop(thread.id)
    return ok({})


def attributions(world: World, visit: Visit) -> Answer:  # noqa: ARG001 (the form of a handler)
    """``POST attributions``: the name of a cited site."""
    body = read(visit.call.body, _Urls, visit.call.header("content-type"))
    if not body.urls:
        raise invalid(("urls",), "ensure this value has at least 1 items")
    url = body.urls[0]
    domain = url.partition("://")[2].partition("/")[0]
    return ok({"url": url, "attribution": domain})


def _kept(world: World, visit: Visit) -> Thread:
    thread = world.threads.get(visit.name, visit.caller.owner)
    if thread.temporary:
        raise not_found(visit.name)
    return thread


def _number(visit: Visit, name: str, usual: int) -> int:
    """A number of the query string. Raises ``Refused`` with a 422 if it is none."""
    text = visit.call.query.get(name)
    if text is None:
        return usual
    try:
        return msgspec.convert(text, int, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(("query", name), "value is not a valid integer") from error
