"""What the scripted model is asked: a ``Turn``, which is the conversation and what stands beside.

Values only, the same for every backend.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

from msgspec import Struct

from chat2api_core.emulator.faults import Named, Respond
from chat2api_core.emulator.replies import Reply


class Heard(Struct, frozen=True):
    """One message of the conversation as the model gets it. ``parts`` is the content's list as it
    was sent, pointers to assets included."""

    id: str
    role: str
    text: str
    parts: tuple[object, ...] = ()
    attachments: tuple[object, ...] = ()


class Heading(Struct, frozen=True):
    """What was asked beside the messages. ``tools`` are the names of the client's tools, of which
    only the Codex backend hears."""

    action: Literal["next", "continue", "variant"]
    model: str
    thinking_effort: str = ""
    system_hints: tuple[str, ...] = ()
    gizmo_id: str = ""
    temporary: bool = False
    anonymous: bool = False
    plan: str = ""
    tools: tuple[str, ...] = ()


class Turn(Struct, frozen=True):
    """What the model is asked: the whole visible branch of the conversation, oldest first."""

    messages: tuple[Heard, ...]
    heading: Heading

    @property
    def last_user_text(self) -> str:
        """The text of the latest message of a user, the empty text if there is none."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message.text
        return ""


# A model answers, or refuses the turn as a whole.
Model: TypeAlias = Callable[[Turn], Reply | Named | Respond]
