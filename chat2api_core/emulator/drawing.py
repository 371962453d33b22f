"""Turns that ask for a picture: how they have to look, and pictures that come after their stream.

Input: the body of a turn or of its preparation, and the steps of its answer. Output: nothing, or
``Refused``; messages for later. The rules, as the web client keeps them: the switch stands at the
top and in the message, the turn was prepared as one, it is kept, a login is there, and pictures to
go by stand before the text.
"""

from collections.abc import Iterator, Sequence

from chat2api_core.ambient import Ids
from chat2api_core.emulator.accounts import Caller
from chat2api_core.emulator.bodies import ConversationBody, Said
from chat2api_core.emulator.episodes import IMAGE_TOOL, fresh_asset
from chat2api_core.emulator.exchange import Json, Refused, refusal
from chat2api_core.emulator.faults import NAMED
from chat2api_core.emulator.messages import image_message, make_message
from chat2api_core.emulator.replies import AnyStep, Image
from chat2api_core.emulator.threads import Drawing

PICTURE = "picture_v2"


def check_order(body: ConversationBody, caller: Caller, *, current: bool) -> bool:
    """Whether a turn asks for a picture. ``current``: it came on the current path. Raises
    ``Refused`` for one that asks as the web client never would."""
    spoken = [message for message in body.messages or () if message.author.role == "user"]
    said = spoken[-1].metadata.get("system_hints") or () if spoken else body.system_hints
    if (PICTURE in said) != (PICTURE in body.system_hints):
        raise Refused(NAMED["422"])
    if PICTURE not in body.system_hints:
        return False
    if caller.account is None:
        raise Refused(refusal(403, "Log in to create images."))
    kept = current and not body.history_and_training_disabled
    if not kept or body.client_prepare_state != "sent":
        raise Refused(NAMED["422"])
    if any(_text_comes_first(message) for message in spoken):
        raise Refused(NAMED["422"])
    return True


def _text_comes_first(message: Said) -> bool:
    kinds = [isinstance(part, str) for part in message.content.parts or ()]
    return kinds != sorted(kinds)


def later_pictures(steps: Sequence[AnyStep], ids: Ids, now: float) -> Iterator[Drawing]:
    """The pictures of an answer that its stream does not show."""
    for step in steps:
        if isinstance(step, Image) and step.polls:
            content, metadata = image_message(step, step.asset or fresh_asset(ids), ids.hex(12))
            yield Drawing(_message(content, metadata, ids, now), step.polls)


def _message(content: Json, metadata: Json, ids: Ids, now: float) -> Json:
    return make_message(
        ids.uuid(), "tool", content, name=IMAGE_TOOL, metadata=metadata, created=now
    )
