"""A file that lies at ChatGPT, as a URL: how a resolved file travels within a prompt.

In: what is known of the file. Out: ``file-service://<id>?name=…&size=…`` and back. The rule: such a
URL is only ever made by the gateway; one that comes from a client is refused where it comes in,
because it would name any file of the account.
"""

from urllib.parse import parse_qsl, urlencode

from msgspec import Struct

_SCHEME = "file-service://"


class Asset(Struct, frozen=True):
    """An uploaded file. ``size`` is bytes, ``width`` and ``height`` are pixels (0: no picture),
    ``tokens`` what its text counts, 0 where unknown."""

    id: str
    name: str
    size: int
    mime: str
    width: int = 0
    height: int = 0
    tokens: int = 0

    @property
    def pointer(self) -> str:
        """How a message points to it."""
        return _SCHEME + self.id


def write(asset: Asset) -> str:
    """The asset as a URL."""
    facts = {
        "name": asset.name,
        "size": asset.size,
        "mime": asset.mime,
        "width": asset.width,
        "height": asset.height,
        "tokens": asset.tokens,
    }
    return f"{asset.pointer}?{urlencode(facts)}"


def read(url: str) -> Asset | None:
    """The asset of a URL that ``write`` has made; None for any other text."""
    name, mark, query = url.removeprefix(_SCHEME).partition("?")
    if not (url.startswith(_SCHEME) and mark and name):
        return None
    facts = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=8))
    numbers = {fact: facts.get(fact, "") for fact in ("size", "width", "height", "tokens")}
    if not all(number.isascii() and number.isdecimal() for number in numbers.values()):
        return None
    return Asset(
        id=name,
        name=facts.get("name", ""),
        mime=facts.get("mime", ""),
        **{fact: int(number) for fact, number in numbers.items()},
    )
