"""What a client should know of how it was answered, in headers of the answer. Pure.

In: what was asked, and the answer that has committed. Out: ``x-chat2api-upstream``, which of the
upstreams answers, and an ``x-chat2api-warning`` for each wish that was not met to the letter.
"""

from collections.abc import Iterator

from chat2api_core.choice import read_prefix
from chat2api_core.effort import clamp, spelled, split
from chat2api_core.reply import Reply
from chat2api_core.turn import Effort, Prompt

# The web backend does not say which level is in force; it knows three.
_OF_THE_WEB: tuple[Effort, ...] = ("low", "medium", "high")


def headers_of(prompt: Prompt, reply: Reply) -> Iterator[tuple[bytes, bytes]]:
    """The headers for this answer."""
    yield b"x-chat2api-upstream", reply.account.type.encode()
    warning = _on_effort(prompt, reply)
    if warning:
        yield b"x-chat2api-warning", warning.encode("ascii", "replace")


def _on_effort(prompt: Prompt, reply: Reply) -> str:
    wanted, started = _wanted(prompt, reply.started.model), reply.started
    if wanted is None:
        return ""
    in_force = started.effort
    if reply.account.type == "web":
        in_force = clamp(wanted, _OF_THE_WEB)
    if in_force in (None, wanted):
        return ""
    name = "the web upstream" if reply.account.type == "web" else started.model[:100]
    shown = name if name.isprintable() and name else "the model"
    return f"reasoning effort {wanted} is not offered by {shown}; {in_force} is used"


def _wanted(prompt: Prompt, answering: str) -> Effort | None:
    """The effort that was asked for, in the body or at the end of the model's name; a name that is
    the answering model's own, whole, says nothing of it."""
    name = read_prefix(prompt.model)[1]
    if prompt.effort is not None or spelled(name) == spelled(answering):
        return prompt.effort
    return split(name).effort
