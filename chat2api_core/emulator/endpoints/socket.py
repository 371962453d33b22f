"""Where the WebSocket is."""

from chat2api_core.emulator.exchange import Answer, Refused, ok
from chat2api_core.emulator.faults import NAMED
from chat2api_core.emulator.world import Visit, World


def address(world: World, visit: Visit) -> Answer:
    """``GET celsius/ws/user``: the WebSocket's address, good for one connection. It takes a
    login."""
    account = visit.caller.account
    if account is None:
        raise Refused(NAMED["401"])
    value = world.sockets.issue(visit.caller.owner, account.user_id)
    host = visit.call.header("host") or "emulator.invalid"
    return ok({"websocket_url": f"ws://{host}/p24/ws/user/{account.user_id}?verify={value}"})
