"""Where clients reach this gateway: what the links in answers begin with. Pure.

In: the settings and the head of a request. Out: ``https://host[/stage][/prefix]/media/``.
PUBLIC_URL says it where it is set; else the request does, first of all what the doors in front of
us wrote into it. The one rule: a host that a request names goes into the answer to that same
request only, and only if it looks like one.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from chat2api_core.config import Settings

if TYPE_CHECKING:
    from chat2api_core.web.exchange import Exchange

_PATH = "/media/"
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?")
_SCHEMES = ("http", "https")


def links_of(exchange: "Exchange") -> str:
    """What links in the answer to this exchange begin with."""
    settings = exchange.gateway.settings
    return media_links(settings, exchange.headers, exchange.scheme, mount=exchange.mount)


def media_links(
    settings: Settings, headers: Mapping[str, str], scheme: str, *, mount: str = ""
) -> str:
    """What links to pictures and files begin with, empty where nothing tells it. ``mount`` is where
    a server has put the application below the root of its host."""
    if settings.public_url:
        return f"{settings.public_url.rstrip('/')}{settings.api_prefix}{_PATH}"
    host = _first(headers.get("x-forwarded-host", "")) or headers.get("host", "")
    scheme = _first(headers.get("x-forwarded-proto", "")) or scheme
    if scheme not in _SCHEMES or not _HOST.fullmatch(host):
        return ""
    return f"{scheme}://{host}{mount}{settings.api_prefix}{_PATH}"


def _first(values: str) -> str:
    """Of a header that every proxy adds to, what the outermost one said."""
    return values.partition(",")[0].strip()
