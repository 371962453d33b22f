"""The home page, as far as the proof of work quotes it: its scripts and its build.

In: HTML of any quality. Out: a ``Page``; reading never fails, what is missing is replaced.
The rule that must hold: nothing grows with the page. Lengths and counts are bounded, and no
expression looks further back than one tag.
"""

import re
from urllib.parse import urljoin

from msgspec import Struct

_MAX_HTML = 1_000_000
_MAX_SCRIPTS = 64
_MAX_URL = 2048
_SDK = "/backend-api/sentinel/sdk.js"

_SCRIPT = re.compile(r"<script\b([^<>]{0,4096})>", re.IGNORECASE)
_HTML = re.compile(r"<html\b([^<>]{0,4096})>", re.IGNORECASE)
_VALUE = r"""\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))"""
_SRC = re.compile(r"(?:^|\s)src" + _VALUE, re.IGNORECASE)
_DATA_BUILD = re.compile(r"(?:^|\s)data-build" + _VALUE, re.IGNORECASE)
# Where a script's address names the build: today's path, and the query of older pages.
_BUILD_PATH = re.compile(r"c/[^/]*/_")
_BUILD_QUERY = re.compile(r"\bdpl=[0-9a-f]{40}\b")


class Page(Struct, frozen=True):
    """What the proof of work quotes. ``scripts`` are absolute URLs, never none where the page was
    read; ``build`` is empty where unknown."""

    scripts: tuple[str, ...]
    build: str = ""


FALLBACK_PAGE = Page((f"https://chatgpt.com{_SDK}",))


def read_page(html: str, base_url: str) -> Page:
    """The scripts and the build id of a home page that was fetched from ``base_url``.

    The build is what in the first fitting script address matches ``c/*/_``, else ``data-build`` of
    ``<html>``, else the ``dpl`` of an older page."""
    html = html[:_MAX_HTML]
    sources = _sources(html)
    scripts = tuple(url for url in (_absolute(source, base_url) for source in sources) if url)
    build = (_first(_BUILD_PATH, sources) or _data_build(html) or _first(_BUILD_QUERY, sources))[
        :_MAX_URL
    ]
    return Page(scripts or (base_url.rstrip("/") + _SDK,), build)


def _sources(html: str) -> list[str]:
    found: list[str] = []
    for tag in _SCRIPT.finditer(html):
        source = _attribute(_SRC, tag[1])
        if source and len(source) <= _MAX_URL:
            found.append(source)
        if len(found) == _MAX_SCRIPTS:
            break
    return found


def _attribute(pattern: re.Pattern[str], tag: str) -> str:
    match = pattern.search(tag)
    if match is None:
        return ""
    return (match[1] or match[2] or match[3] or "").strip().replace("&amp;", "&")


def _data_build(html: str) -> str:
    match = _HTML.search(html)
    return _attribute(_DATA_BUILD, match[1]) if match else ""


def _first(pattern: re.Pattern[str], sources: list[str]) -> str:
    return next((match[0] for match in map(pattern.search, sources) if match), "")


def _absolute(source: str, base_url: str) -> str:
    try:
        return urljoin(base_url.rstrip("/") + "/", source)
    except ValueError:  # an address with a broken host
        return ""
