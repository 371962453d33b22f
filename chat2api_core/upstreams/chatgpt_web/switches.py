"""What the switches of ChatGPT's web need besides being on. Pure.

In: a prompt. Out: the prompt with what its switches need. A search that is to know where the user
is, or which sites to keep to, is told so in words, for there are no fields for it. Research goes on
after its stream has ended, so its chat has to be kept. The rule: a wish that no words can bring
about (how much of the pages is read) changes nothing here, and a contradiction is refused.
Source: seen in the web client.
"""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import JsonSchema, Message, Prompt, Text

RESEARCH = "research"
_PLACES = ("city", "region", "country")
_MOST_SITES = 100
_LONGEST = 300  # characters of one name


def switched(prompt: Prompt) -> Prompt:
    """The prompt with what its switches need. Raises ``Problem`` INVALID_REQUEST where research is
    to be kept nowhere."""
    if not (prompt.hosted or RESEARCH in prompt.hints):
        return prompt
    if RESEARCH in prompt.hints:
        if prompt.temporary:
            message = (
                "Deep research cannot be done in a temporary chat: leave history_disabled out."
            )
            raise Problem(Kind.INVALID_REQUEST, message, step="request", param="system_hints")
        prompt = replace(prompt, temporary=False)
    told = " ".join(
        words
        for tool in prompt.hosted
        if tool.kind == "web_search"
        for words in _told(tool.options)
    )
    if not told:
        return prompt
    # Behind the question: in a kept conversation only what follows its last answer is sent.
    return replace(prompt, messages=(*prompt.messages, Message("system", (Text(told),))))


def _told(options: JsonSchema) -> Iterator[str]:
    """The options of a search as sentences."""
    location = _mapping(options.get("user_location"))
    nested = location.get("approximate")
    found = nested if isinstance(nested, Mapping) else location
    place = ", ".join(filter(None, (_name(found.get(name)) for name in _PLACES)))
    zone = _name(found.get("timezone"))
    if place:
        yield f"When you search the web: the user is in or near {place}."
    if zone:
        yield f"The user's time zone is {zone}."
    sites = _mapping(options.get("filters")).get("allowed_domains")
    listed = sites[:_MOST_SITES] if isinstance(sites, list) else []
    names = ", ".join(filter(None, map(_name, listed)))
    if names:
        yield f"When you search the web, use pages of these sites only: {names}."


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _name(value: object) -> str:
    """A name on one line; empty for anything that is none."""
    return " ".join(value.split())[:_LONGEST] if isinstance(value, str) else ""
