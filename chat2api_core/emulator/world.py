"""Everything that one emulator holds: its state, its settings, its clock. Built once, by the app.

Handlers get it as their first argument. The rule: nothing of an emulator lives anywhere else, so
two of them in one process do not know of each other.
"""

from dataclasses import dataclass

from msgspec import Struct

from chat2api_core.ambient import Clock, Ids
from chat2api_core.emulator.accounts import Caller, Registry
from chat2api_core.emulator.asked import Model
from chat2api_core.emulator.codex.plans import Plans
from chat2api_core.emulator.desk import Desk
from chat2api_core.emulator.encodings import RunMaker
from chat2api_core.emulator.exchange import Call
from chat2api_core.emulator.journal import Journal
from chat2api_core.emulator.replays import Replays
from chat2api_core.emulator.script import Demands, Script
from chat2api_core.emulator.shelf import Shelf
from chat2api_core.emulator.signins import Signins
from chat2api_core.emulator.sockets import Sockets
from chat2api_core.emulator.threads import Threads

BUILD_ID = "prod-00112233445566778899aabbccddeeff00112233"


class Options(Struct, frozen=True):
    """How an emulator was set up.

    ``sentinel`` False: conversations need no sentinel headers, as behind a private gateway that
    solves them; ``auth_key``: every call must carry it in the header of that name. ``delay`` is the
    time in seconds per piece of an answer."""

    demands: Demands = Demands()
    sentinel: bool = True
    auth_key: str = ""
    delay: float = 0
    max_characters: int = 1_000_000
    control: bool = False


@dataclass(slots=True, frozen=True)
class World:
    """The parts, each of which keeps its own state."""

    options: Options
    clock: Clock
    ids: Ids
    model: Model
    run: RunMaker
    registry: Registry
    desk: Desk
    script: Script
    journal: Journal
    threads: Threads
    replays: Replays
    plans: Plans
    signins: Signins
    shelf: Shelf
    sockets: Sockets

    def demands(self) -> Demands:
        """What the sentinel asks this time."""
        return self.script.next_demands() or self.options.demands

    def reset(self) -> None:
        """Forget all that happened, but not the credentials."""
        parts = (
            self.script, self.journal, self.threads, self.replays, self.desk, self.plans,
            self.signins, self.shelf, self.sockets,
        )  # fmt: skip
        for part in parts:
            part.clear()


class Visit(Struct, frozen=True):
    """One call with its caller. ``name`` is the part of the path that the route leaves open,
    ``more`` the second one."""

    call: Call
    caller: Caller
    name: str = ""
    more: str = ""
