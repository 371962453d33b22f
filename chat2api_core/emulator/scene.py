"""What stays the same within one answer, and the maker of its messages."""

from msgspec import Struct

from chat2api_core.ambient import Ids
from chat2api_core.emulator.exchange import Json
from chat2api_core.emulator.messages import make_message
from chat2api_core.emulator.story import Opened, Told


class Scene(Struct, frozen=True):
    """The facts of one answer. ``now`` is unix seconds; an empty title is not told."""

    conversation_id: str
    parent_id: str
    model: str
    now: float
    message_type: str = "next"
    turn_exchange_id: str = ""
    resume_token: str = ""
    plan: str = ""
    title: str = ""
    first_turn: bool = True
    limits: tuple[Json, ...] = ()


class Cast:
    """Makes the messages of one answer, each the child of the one before."""

    def __init__(self, scene: Scene, ids: Ids) -> None:
        self.scene = scene
        self.ids = ids
        self.last_id = ""
        self._parent = scene.parent_id

    def whole(
        self,
        role: str,
        content: Json,
        *,
        channel: str | None = None,
        metadata: Json | None = None,
        name: str | None = None,
        recipient: str = "all",
    ) -> Opened:
        """A message that is finished when it appears."""
        self.last_id = self._parent = self.ids.uuid()
        return Opened(
            make_message(
                self.last_id,
                role,
                content,
                name=name,
                channel=channel,
                recipient=recipient,
                metadata=metadata,
                created=self.scene.now,
            )
        )

    def started(
        self,
        role: str,
        content: Json,
        *,
        channel: str | None = None,
        metadata: Json | None = None,
        name: str | None = None,
        recipient: str = "all",
    ) -> Opened:
        """A message that is still growing."""
        opened = self.whole(
            role, content, channel=channel, metadata=metadata, name=name, recipient=recipient
        )
        opened.message["status"] = "in_progress"
        return opened

    def marker(self, marker: str, event: str) -> Told:
        """The typed event that marks a place within the last message."""
        told: Json = {"type": "message_marker", "message_id": self.last_id}
        return Told({**told, "marker": marker, "event": event}, "v1")

    def text_metadata(self) -> Json:
        """The metadata of a message of text."""
        return {
            "citations": [],
            "content_references": [],
            "message_type": self.scene.message_type,
            "model_slug": self.scene.model,
            "default_model_slug": "auto",
            "parent_id": self._parent,
            "turn_exchange_id": self.scene.turn_exchange_id,
        }
