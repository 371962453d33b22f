"""The visible answer within a story: one message of text with citations. Pure.

The narrator says when it opens and when it is finished. The rule: the last piece of text is held
back, so that it can travel in the patch that finishes the message.
"""

from msgspec import Struct

from chat2api_core.emulator.exchange import Json
from chat2api_core.emulator.replies import Cite, Source
from chat2api_core.emulator.scene import Cast
from chat2api_core.emulator.story import Changed, Grown, Happening, Patched

TEXT = "/content/parts/0"
FINISHED = Changed("/status", "replace", "finished_successfully")


class Found(Struct, frozen=True):
    """A source that a search found, and the name that citations use for it."""

    source: Source
    name: str


class AnswerText:
    """One message of the answer."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._length = 0
        self._pending = ""
        self._references: list[Json] = []
        self._citations: list[Json] = []

    def open(self, groups: list[Json]) -> list[Happening]:
        """The message appears, with what was found for it."""
        metadata = self._cast.text_metadata()
        if groups:
            metadata["search_result_groups"] = groups
        content: Json = {"content_type": "text", "parts": [""]}
        opened = self._cast.started("assistant", content, channel="final", metadata=metadata)
        return [opened, self._cast.marker("user_visible_token|final_channel_token", "first")]

    def grow(self, pieces: tuple[str, ...]) -> list[Happening]:
        """More text."""
        if not pieces:
            return []
        events = self.flush()
        self._pending = pieces[-1]
        if len(pieces) > 1:
            events.append(Grown(TEXT, pieces[:-1]))
        self._length += sum(map(len, pieces))
        return events

    def patch(self, pieces: tuple[str, ...]) -> list[Happening]:
        """More text, each piece in a patch of its own."""
        self._length += sum(map(len, pieces))
        patches = [Patched((Changed(TEXT, "append", piece),)) for piece in pieces]
        return [*self.flush(), *patches]

    def flush(self) -> list[Happening]:
        """What is held back, because something else comes next."""
        if not self._pending:
            return []
        piece, self._pending = self._pending, ""
        return [Grown(TEXT, (piece,))]

    def cite(self, step: Cite, found: list[Found]) -> list[Happening]:
        """A mark in the text; what it stands for is told when the message is finished."""
        if step.style == "old":
            mark = self._cite_old(step.sources, found)
        else:
            mark = self._cite_new([found[number] for number in step.sources])
        middle = len(mark) // 2
        return self.grow((mark[:middle], mark[middle:]) if step.cut else (mark,))

    def finish(self, reason: str) -> list[Happening]:
        """The message ends."""
        events: list[Happening] = []
        changes: list[Changed] = []
        if self._references or self._citations:
            events += [*self.flush(), *self._explain()]
        elif self._pending:
            changes.append(Changed(TEXT, "append", self._pending))
        details: Json = {"type": reason}
        if reason == "stop":
            details["stop_tokens"] = [200002]
        changes += [
            FINISHED,
            Changed("/end_turn", "replace", value=True),
            Changed("/metadata", "append", {"is_complete": True, "finish_details": details}),
        ]
        return [*events, Patched(tuple(changes)), self._cast.marker("last_token", "last")]

    def _explain(self) -> list[Happening]:
        events: list[Happening] = []
        if self._references:
            events.append(Changed("/metadata/content_references", "add", self._references))
        if self._citations:
            events.append(Changed("/metadata/citations", "add", self._citations))
        return events

    def _cite_old(self, numbers: tuple[int, ...], found: list[Found]) -> str:
        marks = ""
        for number in numbers:
            mark = f"\u3010{number}\u2020source\u3011"
            start = self._length + len(marks)
            marks += mark
            source = found[number].source
            self._citations.append(
                {
                    "start_ix": start,
                    "end_ix": start + len(mark),
                    "citation_format_type": "tether_og",
                    "metadata": {
                        "type": "webpage",
                        "url": source.url,
                        "title": source.title,
                        "text": source.snippet,
                    },
                }
            )
        return marks

    def _cite_new(self, found: list[Found]) -> str:
        mark = "\ue200cite" + "".join(f"\ue202{one.name}" for one in found) + "\ue201"
        links = ", ".join(f"[{one.source.domain}]({one.source.url})" for one in found)
        items = [
            {
                "title": one.source.title,
                "url": one.source.url,
                "attribution": one.source.domain,
                "snippet": one.source.snippet,
                "supporting_websites": [],
            }
            for one in found
        ]
        self._references.append(
            {
                "matched_text": mark,
                "start_idx": self._length,
                "end_idx": self._length + len(mark),
                "safe_urls": [one.source.url for one in found],
                "refs": [],
                "alt": f"({links})",
                "prompt_text": None,
                "type": "grouped_webpages",
                "items": items,
                "fallback_items": None,
                "status": "done",
                "error": None,
            }
        )
        return mark
