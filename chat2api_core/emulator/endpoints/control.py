"""Control from another process: order replies and faults, read what was asked, start afresh.

Only there if the emulator was started for it; otherwise every call is refused with a 403.
"""

from chat2api_core.emulator.exchange import Answer, Refused, ok, refusal
from chat2api_core.emulator.script import read_items
from chat2api_core.emulator.world import Visit, World


def script(world: World, visit: Visit) -> Answer:
    """``POST /__emulator__/script``: append to the script a JSON list of replies, faults (``at``)
    and demands."""
    _check(world)
    try:
        world.script.push(*read_items(visit.call.body))
    except ValueError as error:  # what is not JSON or not an item is a ValueError, too
        raise Refused(refusal(422, str(error))) from error
    return ok({"pending": world.script.pending})


def log(world: World, visit: Visit) -> Answer:  # noqa: ARG001 (the form of a handler)
    """``GET /__emulator__/log``: the latest calls, counts by place, streams open and closed."""
    _check(world)
    journal = world.journal
    return ok(
        {
            "open_streams": journal.open_streams,
            "closed_streams": journal.closed_streams,
            "counts": dict(journal.counts),
            "pending": world.script.pending,
            "requests": [record.as_dict() for record in journal.records],
        }
    )


def reset(world: World, visit: Visit) -> Answer:  # noqa: ARG001 (the form of a handler)
    """``POST /__emulator__/reset``: forget the script, the log and all conversations. Accounts
    keep the credentials that they have by now."""
    _check(world)
    world.reset()
    return ok({"status": "ok"})


def _check(world: World) -> None:
    if not world.options.control:
        raise Refused(refusal(403, "Start the emulator with --control to use this."))
