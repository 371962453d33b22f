"""The conversations that the emulated service keeps: trees of messages.

Input: the messages of a turn and of its answer. Output: the visible branch above a message, and the
document of a conversation. The rules: a conversation belongs to its owner and is not there for
anybody else; the oldest are forgotten when there are too many.
"""

from collections import OrderedDict

from msgspec import Struct

from chat2api_core.emulator.exchange import Json, Refused, refusal
from chat2api_core.emulator.feeds import Work
from chat2api_core.emulator.replies import AnyStep

_MAX_NODES = 4000
_AT_WORK = 1  # the service's word for it is some number


class Node(Struct):
    """One place of the tree. The root has no message.

    ``rest`` is what the model has yet to say after a cut, for ``action: continue``."""

    id: str
    parent: str | None
    message: Json | None = None
    children: list[str] = []
    rest: tuple[AnyStep, ...] = ()


class Drawing(Struct):
    """A picture that is being made: the message that will show it, when the conversation has been
    asked for so many times more."""

    message: Json
    polls: int


class Thread(Struct):
    """One conversation."""

    id: str
    owner: str
    created: float
    updated: float
    current: str
    nodes: dict[str, Node]
    temporary: bool = False
    gizmo_id: str | None = None
    title: str = "New chat"
    archived: bool = False
    async_status: int | None = None
    drawings: list[Drawing] = []
    work: Work | None = None
    unfinished: int = 0  # looks at an answer that is half done; below 0: for good

    def begin_work(self, work: Work) -> None:
        """Set about a long task."""
        self.work = work
        self.async_status = _AT_WORK

    def finish_work(self) -> None:
        """The task is done: what it has made is there."""
        work, self.work = self.work, None
        if work is not None:
            self.async_status = None
            if work.task.progress:
                self.add(work.at(len(work.task.progress)), self.current)
            for message in work.messages:
                self.add(message, self.current)

    def draw(self, drawing: Drawing) -> None:
        """Set about a picture; the conversation is at work until it is there."""
        self.drawings.append(drawing)
        self.async_status = _AT_WORK

    def look(self) -> None:
        """Somebody asks for the conversation: pictures come when it was done often enough, and so
        does all else that takes time."""
        self._work_on()
        if self.unfinished > 0:
            self.unfinished -= 1
        for drawing in self.drawings:
            drawing.polls -= 1
            if drawing.polls <= 0:
                self.add(drawing.message, self.current)
        self.drawings = [drawing for drawing in self.drawings if drawing.polls > 0]
        if not self.drawings and self.work is None and self.async_status == _AT_WORK:
            self.async_status = None

    def _work_on(self) -> None:
        work = self.work
        if work is None:
            return
        work.polls -= 1
        if work.polls <= 0:
            self.finish_work()
        elif work.task.progress:
            steps = max(1, min(len(work.task.progress), work.task.polls - work.polls))
            self.add(work.at(steps), self.current)

    def add(self, message: Json, parent: str) -> None:
        """Hang a message under its parent; the same id again replaces the message."""
        name = str(message["id"])
        node = self.nodes.get(name)
        if node is not None:
            node.message = message
            self.current = name
            return
        if len(self.nodes) >= _MAX_NODES:
            detail = {"message": "This conversation is too long.", "code": "conversation_too_long"}
            raise Refused(refusal(413, detail))
        self.nodes[name] = Node(name, parent, message)
        self.nodes[parent].children.append(name)
        self.current = name

    def branch(self, name: str) -> list[Json]:
        """The messages from the root down to this one."""
        messages: list[Json] = []
        at: str | None = name
        while at is not None:
            node = self.nodes[at]
            if node.message is not None:
                messages.append(node.message)
            at = node.parent
        messages.reverse()
        return messages

    def document(self) -> Json:
        """The whole conversation, as ``GET conversation/{id}`` shows it."""
        mapping = {
            node.id: {
                "id": node.id,
                "message": self._shown(node),
                "parent": node.parent,
                "children": node.children,
            }
            for node in self.nodes.values()
        }
        return {
            "title": self.title,
            "create_time": self.created,
            "update_time": self.updated,
            "mapping": mapping,
            "moderation_results": [],
            "current_node": self.current,
            "plugin_ids": None,
            "conversation_id": self.id,
            "conversation_template_id": self.gizmo_id,
            "gizmo_id": self.gizmo_id,
            "gizmo_type": "gpt" if self.gizmo_id else None,
            "is_archived": self.archived,
            "safe_urls": [],
            "blocked_urls": [],
            "default_model_slug": "auto",
            "conversation_origin": None,
            "voice": None,
            "async_status": self.async_status,
            "disabled_tool_ids": [],
            "is_do_not_remember": self.temporary,
        }

    def _shown(self, node: Node) -> Json | None:
        """A message as it is kept by now: the last one may be half done."""
        message = node.message
        if message is None or not self.unfinished or node.id != self.current:
            return message
        content = dict(_object(message["content"]))
        parts = content.get("parts")
        if isinstance(parts, list):
            halves = [one[: len(one) // 2] if isinstance(one, str) else one for one in parts]
            content["parts"] = halves
        half: Json = {"content": content, "status": "in_progress", "end_turn": None}
        return {**message, **half, "metadata": {}}

    def entry(self) -> Json:
        """The conversation as a row of the list of conversations."""
        return {
            "id": self.id,
            "title": self.title,
            "create_time": self.created,
            "update_time": self.updated,
            "mapping": None,
            "current_node": None,
            "gizmo_id": self.gizmo_id,
            "is_archived": self.archived,
            "workspace_id": None,
            "async_status": self.async_status,
        }


def not_found(conversation_id: str) -> Refused:
    """The 404 of a conversation that is not there (for this caller)."""
    detail = {
        "message": f"Can't load conversation {conversation_id}",
        "code": "conversation_not_found",
    }
    return Refused(refusal(404, detail))


class Threads:
    """All conversations of one emulator, the least recently used forgotten first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._all: OrderedDict[str, Thread] = OrderedDict()

    def open(self, name: str, owner: str, parent: str, now: float) -> Thread:
        """Begin a conversation whose root has the id that the client made up."""
        thread = Thread(name, owner, now, now, parent, {parent: Node(parent, None)})
        self._all[name] = thread
        if len(self._all) > self._limit:
            self._all.popitem(last=False)
        return thread

    def get(self, name: str, owner: str) -> Thread:
        """The owner's conversation of this id. Raises ``Refused`` with a 404."""
        thread = self._all.get(name)
        if thread is None or thread.owner != owner:
            raise not_found(name)
        self._all.move_to_end(name)
        return thread

    def drop(self, name: str) -> None:
        """Forget a conversation."""
        self._all.pop(name, None)

    def of(self, owner: str) -> list[Thread]:
        """The owner's conversations that are kept, latest change first; temporary ones are not."""
        kept = [
            thread
            for thread in self._all.values()
            if thread.owner == owner and not thread.temporary
        ]
        return sorted(kept, key=lambda thread: thread.updated, reverse=True)

    def all_of(self, owner: str) -> list[Thread]:
        """All conversations of the owner, temporary ones too."""
        return [thread for thread in self._all.values() if thread.owner == owner]

    def clear(self) -> None:
        """Forget all."""
        self._all.clear()


def _object(value: object) -> Json:
    assert isinstance(value, dict)
    return value
