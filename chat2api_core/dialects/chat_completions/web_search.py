"""``web_search_options``: that the web is to be searched for the answer, and how.

In: the parameter. Out: the hosted tool, with the options as the Responses API words them. The rule:
an option that is not known is no option, and is not passed on.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from chat2api_core.turn import HostedTool

_Place = Annotated[str, Meta(max_length=200)]


class Approximate(Struct):
    """Where the user is, about. ``country`` is a code of two letters, ``timezone`` an IANA name."""

    city: _Place | None = None
    country: _Place | None = None
    region: _Place | None = None
    timezone: _Place | None = None


class UserLocation(Struct):
    approximate: Approximate
    type: Literal["approximate"] = "approximate"


class WebSearchOptions(Struct):
    search_context_size: Literal["low", "medium", "high"] | None = None
    user_location: UserLocation | None = None


def read_search(options: WebSearchOptions) -> HostedTool:
    """The tool that was asked for."""
    wanted: dict[str, object] = {}
    if options.search_context_size is not None:
        wanted["search_context_size"] = options.search_context_size
    if options.user_location is not None:
        found = options.user_location.approximate
        told = {name: getattr(found, name) for name in found.__struct_fields__}
        known = {name: value for name, value in told.items() if value}
        wanted["user_location"] = {"type": "approximate", **known}
    return HostedTool("web_search", wanted)
