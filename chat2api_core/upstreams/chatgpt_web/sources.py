"""Where marks lead: what the stream's metadata tells of pages and files, and marks as links.

In:   metadata of messages: ``search_result_groups`` (usually before the text),
      ``content_references`` and, for old marks, ``citations`` (with the text or after it); marks.
Out:  what a mark reads as, in Markdown.

The one rule: only http and https pages become links, and nothing in a title or a URL can end the
link early.
"""

from typing import TypeAlias
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from chat2api_core.upstreams.chatgpt_web.citations import Marker
from chat2api_core.upstreams.chatgpt_web.delta import list_of, object_of, text_of

# Kinds that say what they refer to, and those of them whose first part is a label.
_REFERRING = frozenset({"cite", "filecite", "navlist", "url", "video"})
_LABELLED = frozenset({"url", "video"})


class Source(Struct, frozen=True, gc=False):
    """A page that an answer refers to. ``name`` is what its link is called."""

    url: str
    title: str
    name: str


class Link(Struct, frozen=True, gc=False):
    """A readable mark: Markdown, and the page that it leads to."""

    text: str
    source: Source


Rendering: TypeAlias = tuple[str | Link, ...]


class Sources:
    """What is known of the pages and files that marks refer to."""

    __slots__ = ("_by_place", "_by_reference", "_by_text", "_learned")

    def __init__(self) -> None:
        self._by_reference: dict[str, Source] = {}  # of the form turn0search1
        self._by_text: dict[str, tuple[Source, ...] | str] = {}  # pages, or ready text
        self._by_place: dict[tuple[str, int | str], Source | str] = {}
        self._learned: dict[tuple[str, str], tuple[int, str]] = {}

    def learn(self, message_id: str, status: str, metadata: dict[str, object]) -> bool:
        """Read a message's metadata. Says whether there was something new.

        A list is read again only when it has grown or the message's status has changed."""
        news = False
        for name, read in (
            ("search_result_groups", self._learn_groups),
            ("content_references", self._learn_references),
            ("citations", self._learn_citations),
        ):
            entries = metadata.get(name)
            if not entries or not isinstance(entries, list):
                continue
            state = (len(entries), status)
            if self._learned.get((message_id, name)) != state:
                self._learned[message_id, name] = state
                for entry in entries:
                    read(message_id, object_of(entry))
                news = True
        return news

    def _learn_groups(self, _: str, group: dict[str, object]) -> None:
        for item in list_of(group.get("entries")):
            entry = object_of(item)
            reference = object_of(entry.get("ref_id"))
            kind, turn, index = (
                reference.get(key) for key in ("ref_type", "turn_index", "ref_index")
            )
            source = _source(entry)
            if source is not None:
                self._by_reference[f"turn{turn}{kind}{index}"] = source

    def _learn_references(self, _: str, reference: dict[str, object]) -> None:
        matched = text_of(reference.get("matched_text"))
        if not matched.strip():  # a footnote refers to the whole answer
            return
        if reference.get("type") == "hidden":
            self._by_text[matched] = ""
            return
        sources = [
            source
            for item in (reference, *list_of(reference.get("items")))
            if (source := _source(object_of(item))) is not None
        ]
        alt = text_of(reference.get("alt"))
        if sources:
            self._by_text[matched] = tuple(sources)
        elif alt or text_of(reference.get("name")):
            self._by_text[matched] = alt or f"({_label(text_of(reference.get('name')))})"

    def _learn_citations(self, message_id: str, citation: dict[str, object]) -> None:
        metadata = object_of(citation.get("metadata"))
        name = text_of(metadata.get("name")) or text_of(metadata.get("title"))
        known = _source(metadata) or (f"({_label(name)})" if name else None)
        if known is None:
            return
        start = citation.get("start_ix")
        if isinstance(start, int):
            self._by_place[message_id, start] = known
        number = object_of(metadata.get("extra")).get("cited_message_idx")
        if isinstance(number, int):
            self._by_place[message_id, str(number)] = known

    def render(self, message_id: str, marker: Marker) -> Rendering | None:
        """What a mark reads as; None while that is not known. Pictures and the like read as
        nothing."""
        if marker.kind == "old":
            known = self._by_place.get((message_id, marker.start)) or self._by_place.get(
                (message_id, marker.parts[0])
            )
            if known is None:
                return None
            return (known,) if isinstance(known, str) else (_mark(known),)
        if marker.kind == "entity":
            return (_entity(marker.body),)
        if marker.kind not in _REFERRING:
            ready = self._by_text.get(marker.text, "")
            return (ready,) if isinstance(ready, str) else ()
        return self._render_references(marker)

    def _render_references(self, marker: Marker) -> Rendering | None:
        known = self._by_text.get(marker.text)
        if isinstance(known, str):
            return (known,)
        known = known or self.pages(marker)
        if not known:
            return None
        if marker.kind in _LABELLED:
            label = marker.parts[0] if len(marker.parts) > 1 else known[0].title
            return (Link(_link(label, known[0].url), known[0]),)
        if marker.kind == "navlist":
            lines = [("\n- ", Link(_link(one.title, one.url), one)) for one in known]
            return tuple(piece for line in lines for piece in line)
        marks = [(" ", _mark(one)) for one in known]
        return tuple(piece for mark in marks for piece in mark)[1:]

    def pages(self, marker: Marker) -> tuple[Source, ...]:
        """The pages behind a mark's references, each once, as far as they are known."""
        labelled = marker.kind in _LABELLED and len(marker.parts) > 1
        known = (
            Source(part, part, _host(part)) if _is_page(part) else self._by_reference.get(part)
            for piece in marker.parts[labelled:]
            for part in piece.split(",")
        )
        return tuple(dict.fromkeys(one for one in known if one is not None))


def without_source(marker: Marker) -> str:
    """What is shown of a mark whose reference never became known: the label of a link."""
    return _label(marker.parts[0]) if marker.kind in _LABELLED and len(marker.parts) > 1 else ""


def listed(source: Source) -> Link:
    """A source as an entry of the list at the end of an answer."""
    return Link(_link(source.title, source.url), source)


def _source(entry: dict[str, object]) -> Source | None:
    url = text_of(entry.get("url"))
    if not _is_page(url):
        return None
    name = text_of(entry.get("attribution")) or _host(url)
    return Source(url, text_of(entry.get("title")) or name, name)


def _is_page(url: str) -> bool:
    return url.startswith(("https://", "http://")) and bool(_host(url))


def _host(url: str) -> str:
    """The host of a URL, without www; empty where there is none or the URL is broken."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _mark(source: Source) -> Link:
    return Link(f"({_link(source.name, source.url)})", source)


def _link(label: str, url: str) -> str:
    """A Markdown link; what would end its label or its target early is escaped."""
    target = url.replace("(", "%28").replace(")", "%29").replace(" ", "%20").replace("\n", "")
    return f"[{_label(label)}]({target})"


def _label(text: str) -> str:
    return " ".join(text.split()).replace("[", r"\[").replace("]", r"\]")


def _entity(body: str) -> str:
    """The name out of ``["city","Paris","France"]``: kind, name, what it is."""
    try:
        fields = msgspec.json.decode(body, type=list[str])
    except (msgspec.DecodeError, RecursionError):
        return ""
    return fields[1] if len(fields) > 1 else "".join(fields)
