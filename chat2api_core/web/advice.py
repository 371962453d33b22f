"""What a client should know of how it was answered, in headers of the answer. Pure.

In: what was asked, and the answer that has committed. Out: ``x-chat2api-upstream``, which of the
upstreams answers, and an ``x-chat2api-warning`` of the wishes that were not met to the letter.
"""

from collections.abc import Iterator, Sequence

from chat2api_core.choice import names_model, read_prefix
from chat2api_core.effort import clamp, spelled, split
from chat2api_core.reply import Reply
from chat2api_core.turn import Effort, Prompt

# The web backend does not say which level is in force; it knows three.
_OF_THE_WEB: tuple[Effort, ...] = ("low", "medium", "high")
_WARNINGS = 8  # of a long history there may be hundreds, and clients bound the heads of answers


def headers_of(prompt: Prompt, reply: Reply) -> Iterator[tuple[bytes, bytes]]:
    """The headers for this answer."""
    yield b"x-chat2api-upstream", reply.account.type.encode()
    warnings = [_on_model(prompt, reply), _on_effort(prompt, reply), _on_format(prompt, reply)]
    if any(warnings):
        said = "; ".join(filter(None, warnings))
        yield b"x-chat2api-warning", said.encode("ascii", "replace")


def warning_headers(warnings: Sequence[str]) -> Iterator[tuple[bytes, bytes]]:
    """What was left out of a request, a header for each; of many the first ones."""
    for text in warnings[:_WARNINGS]:
        yield b"x-chat2api-warning", text.encode("ascii", "replace")
    if len(warnings) > _WARNINGS:
        yield b"x-chat2api-warning", b"and %d more like these" % (len(warnings) - _WARNINGS)


def _on_model(prompt: Prompt, reply: Reply) -> str:
    """ChatGPT's web answers with a model of its own choice where an account may not use, or not any
    more today, the one that was asked for."""
    wanted, answering = read_prefix(prompt.model)[1], reply.started.model
    if reply.account.type != "web" or not answering or not names_model(wanted):
        return ""
    same = {spelled(wanted), spelled(split(wanted).name)}
    if spelled(answering) in same:
        return ""
    return f"{_shown(answering)} answers where {_shown(wanted)} was asked for"


def _on_format(prompt: Prompt, reply: Reply) -> str:
    if reply.account.type != "web" or not prompt.hosted:
        return ""
    for tool in prompt.hosted:
        form = tool.options.get("output_format")
        if tool.kind == "image_generation" and form not in (None, "png"):
            return "pictures of the web upstream are png"
    return ""


def _on_effort(prompt: Prompt, reply: Reply) -> str:
    wanted, started = _wanted(prompt, reply.started.model), reply.started
    if wanted is None:
        return ""
    in_force = started.effort
    if reply.account.type == "web":
        in_force = clamp(wanted, _OF_THE_WEB)
    if in_force in (None, wanted):
        return ""
    name = "the web upstream" if reply.account.type == "web" else _shown(started.model)
    return f"reasoning effort {wanted} is not offered by {name}; {in_force} is used"


def _shown(model: str) -> str:
    """A model's name, if it is fit for a header."""
    name = model[:100]
    return name if name.isprintable() and name else "the model"


def _wanted(prompt: Prompt, answering: str) -> Effort | None:
    """The effort that was asked for, in the body or at the end of the model's name; a name that is
    the answering model's own, whole, says nothing of it."""
    name = read_prefix(prompt.model)[1]
    if prompt.effort is not None or spelled(name) == spelled(answering):
        return prompt.effort
    return split(name).effort
