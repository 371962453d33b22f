"""The files that the emulated service holds: uploads, pictures it made, and what its code wrote.

Input: descriptions and bytes of files. Output: the files again, and tickets: the signatures in the
addresses under which bytes are put and fetched. The rules: a file belongs to its owner and is not
there for anybody else; bytes move only under a ticket, for its time; all of it is bounded, the
oldest forgotten first.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from chat2api_core.ambient import Clock, Ids
from chat2api_core.emulator.exchange import Refused, refusal
from chat2api_core.emulator.pixels import draw
from chat2api_core.emulator.replies import Written

TICKET_SECONDS = 600
POD_SECONDS = 3600
_MAX_FILES = 2000
_MAX_BYTES = 256 * 1024 * 1024
_MAX_TICKETS = 4096
_MAX_PODS = 256
_MAX_THREADS = 512
_OCTETS = "application/octet-stream"


class Item(Struct):
    """A file. ``created``: announced; ``stored``: its bytes are there; ``ready``: it can be used.

    ``threads`` are the conversations in which the service itself showed it, none for an upload;
    such a picture is drawn when somebody asks for it. ``polls`` counts how often its state was
    asked."""

    id: str
    owner: str
    name: str
    mime: str
    size: int
    created: float
    use_case: str = ""
    width: int = 0
    height: int = 0
    state: Literal["created", "stored", "ready"] = "created"
    data: bytes = b""
    threads: tuple[str, ...] = ()
    polls: int = 0

    def read(self) -> bytes:
        """Its bytes."""
        return self.data or (draw(self.id, self.width, self.height) if self.threads else b"")


class Ticket(Struct, frozen=True):
    """Leave to put or get the bytes of a file until a time (unix seconds)."""

    item: Item
    use: Literal["put", "get"]
    until: float


class Pod(Struct):
    """The machine on which a conversation's code runs: its files, until it is put away."""

    files: dict[str, bytes]
    used: float


def file_not_found(file_id: str) -> Refused:
    """The 404 of a file that is not there (for this caller)."""
    detail = {"message": f"File {file_id} not found.", "code": "file_not_found"}
    return Refused(refusal(404, detail))


class Shelf:
    """All files of one emulator."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._items: OrderedDict[tuple[str, str], Item] = OrderedDict()  # by owner and id
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()
        self._pods: OrderedDict[str, Pod] = OrderedDict()

    def add(self, item: Item) -> None:
        """Take a file in."""
        self._items[item.owner, item.id] = item
        while len(self._items) > _MAX_FILES or self._weight() > _MAX_BYTES:
            self._items.popitem(last=False)

    def fresh_id(self) -> str:
        """A new id, in the form that uploads have."""
        return f"file-{self._ids.hex(22)}"

    def get(self, file_id: str, owner: str) -> Item:
        """The owner's file. Raises ``Refused`` with a 404."""
        item = self._items.get((owner, file_id))
        if item is None:
            raise file_not_found(file_id)
        return item

    def drop(self, file_id: str, owner: str) -> None:
        """Forget a file of this owner. Raises ``Refused`` with a 404."""
        self.get(file_id, owner)
        del self._items[owner, file_id]

    def sign(self, item: Item, use: Literal["put", "get"]) -> str:
        """A signature under which the bytes may be put or fetched for a while."""
        signature = self._ids.hex(32)
        self._tickets[signature] = Ticket(item, use, self._clock.now() + TICKET_SECONDS)
        if len(self._tickets) > _MAX_TICKETS:
            self._tickets.popitem(last=False)
        return signature

    def ticket(self, signature: str, file_id: str, use: Literal["put", "get"]) -> Item | None:
        """The file that this signature opens, None if it opens nothing (any more)."""
        ticket = self._tickets.get(signature)
        if ticket is None or ticket.use != use or ticket.item.id != file_id:
            return None
        return ticket.item if ticket.until > self._clock.now() else None

    def show(self, asset: str, owner: str, thread: str, size: tuple[int, int]) -> None:
        """A picture that the service made in a conversation, by its pointer."""
        file_id = asset.partition("://")[2]
        item = self._items.get((owner, file_id))
        if item is None:
            item = Item(file_id, owner, f"{file_id}.png", "image/png", 0, self._clock.now())
            item.width, item.height = size
            item.state = "ready"
            self.add(item)
        item.threads = (*item.threads, thread)[-_MAX_THREADS:]

    def write(self, thread: str, files: Iterable[Written]) -> None:
        """What code wrote in a conversation. Its machine lives for an hour after that."""
        pod = self._pods.get(thread)
        if pod is None or self._over(pod):
            pod = self._pods[thread] = Pod({}, 0)
        pod.files.update((one.path, one.text.encode()) for one in files)
        pod.used = self._clock.now()
        if len(self._pods) > _MAX_PODS:
            self._pods.popitem(last=False)

    def sandbox(self, thread: str, path: str, owner: str) -> Item | Literal["expired", "missing"]:
        """A file that code wrote in a conversation."""
        pod = self._pods.get(thread)
        if pod is None or self._over(pod):
            return "expired"
        data = pod.files.get(path)
        if data is None:
            return "missing"
        name = path.rpartition("/")[2]
        item = Item(self.fresh_id(), owner, name, _OCTETS, len(data), self._clock.now())
        item.data, item.state, item.threads = data, "ready", (thread,)
        return item

    def clear(self) -> None:
        """Forget all."""
        self._items.clear()
        self._tickets.clear()
        self._pods.clear()

    def _over(self, pod: Pod) -> bool:
        return pod.used + POD_SECONDS <= self._clock.now()

    def _weight(self) -> int:
        return sum(len(item.data) for item in self._items.values())
