"""What a message says that the model searches the web for. Pure.

In:   a call of the web tool, whole: what it asks for as JSON (``{"search_query":[{"q":...}]}``), as
      the older ``search("...")``, or in its metadata (``search_queries``).
Out:  ``WebSearch`` steps: searches, pages opened, patterns looked for.

The one rule: a step that is not understood is no step; the answer does not hang on it.
"""

import re
from collections.abc import Iterator

import msgspec

from chat2api_core.turn import WebSearch
from chat2api_core.upstreams.chatgpt_web.content import texts_of
from chat2api_core.upstreams.chatgpt_web.delta import list_of, object_of, text_of

_MOST = 32  # steps of one call
_LONGEST = 2000  # characters of a query
_MOST_TEXT = 64 * 1024  # characters of a call
_OLDER = re.compile(r'\s*search\(\s*("(?:[^"\\]|\\.)*")')


def searches_of(message: dict[str, object]) -> tuple[WebSearch, ...]:
    """The steps of a call, each once, in its order."""
    metadata = object_of(message.get("metadata"))
    text = "".join(map(text_of, texts_of(message)))[:_MOST_TEXT]
    asked = _object(text)
    queries = [
        *_queries(asked.get("search_query")),
        *_queries(metadata.get("search_queries")),
        *_older(text),
    ]
    steps = (
        *(WebSearch(query=query) for query in queries),
        *_pages(asked.get("open"), "open_page"),
        *_pages(asked.get("find"), "find_in_page"),
    )
    return tuple(dict.fromkeys(steps))[:_MOST]


def _object(text: str) -> dict[str, object]:
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return {}


def _queries(entries: object) -> Iterator[str]:
    for entry in map(object_of, list_of(entries)):
        query = text_of(entry.get("q")).strip()
        if query:
            yield query[:_LONGEST]


def _older(text: str) -> Iterator[str]:
    found = _OLDER.match(text)
    if found is not None:
        try:
            yield msgspec.json.decode(found[1], type=str)[:_LONGEST]
        except msgspec.DecodeError:
            return


def _pages(entries: object, action: str) -> Iterator[WebSearch]:
    """Pages that are named by their address; a reference to a result names none."""
    for entry in map(object_of, list_of(entries)):
        url = text_of(entry.get("ref_id"))
        if not url.startswith(("https://", "http://")):
            continue
        if action == "open_page":
            yield WebSearch("open_page", url=url)
        else:
            yield WebSearch("find_in_page", url=url, pattern=text_of(entry.get("pattern")))
