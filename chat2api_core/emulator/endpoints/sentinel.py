"""The sentinel: requirements in one step, or in two with prepare and finalize."""

from chat2api_core.emulator.bodies import Finalize, Requirements, read
from chat2api_core.emulator.exchange import Answer, Headers, ok
from chat2api_core.emulator.world import Visit, World


def requirements(world: World, visit: Visit) -> Answer:
    """``POST sentinel/chat-requirements``, the one-step form."""
    body = read(visit.call.body, Requirements, visit.call.header("content-type"))
    answer = world.desk.issue(visit.call, visit.caller, world.demands(), body.p)
    return ok(answer, _cookie(world))


def prepare(world: World, visit: Visit) -> Answer:
    """``POST sentinel/chat-requirements/prepare``."""
    body = read(visit.call.body, Requirements, visit.call.header("content-type"))
    answer = world.desk.prepare(visit.call, visit.caller, world.demands(), body.p)
    return ok(answer, _cookie(world))


def finalize(world: World, visit: Visit) -> Answer:
    """``POST sentinel/chat-requirements/finalize``."""
    body = read(visit.call.body, Finalize, visit.call.header("content-type"))
    call, caller = visit.call, visit.caller
    return ok(world.desk.finalize(call, caller, body.prepare_token, body.proofofwork))


def ping(world: World, visit: Visit) -> Answer:  # noqa: ARG001 (the form of a handler)
    """``POST sentinel/ping``: a sign of life of the page."""
    return ok({"status": "ok"})


def _cookie(world: World) -> Headers:
    """The sentinel's cookie, which clients send back."""
    return (("set-cookie", f"oai-sc={world.ids.hex(32)}; Path=/; Secure; HttpOnly"),)
