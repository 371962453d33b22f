"""What an account's browser would remember between requests: its cookies and its session's name.

Kept in this process and rebuilt when lost: the device id is derived from the account, cookies come
anew. Without an account there is nothing to derive it from, and it is chance. Cookies go to the
site they came from and to no other; their number and size are bounded, because the site answers
431 to a jar that has grown too large.
"""

from collections import OrderedDict

from chat2api_core.accounts.account import Account
from chat2api_core.ambient import Ids

_MAX_COOKIES = 40
_MAX_COOKIE = 4096
_MAX_HEADER = 12 * 1024  # many servers take 16 KiB of headers, and a token needs some of them
_MAX_SESSIONS = 2000
# One more for every conversation; the site itself works without them.
_DROPPED = "conv_key_"


class Session:
    """The state of one account at one site."""

    def __init__(self, device_id: str, session_id: str) -> None:
        self.device_id = device_id
        self.session_id = session_id
        self._cookies: dict[str, str] = {"oai-did": device_id}
        self._header: bytes | None = None

    def cookie_header(self) -> bytes:
        """The value of the Cookie header."""
        if self._header is None:
            pairs = (f"{name}={value}" for name, value in self._cookies.items())
            self._header = "; ".join(pairs).encode()
        return self._header

    def forget(self) -> None:
        """Drop every cookie but the device's: the jar has grown too large."""
        self._cookies = {"oai-did": self.device_id}
        self._header = None

    def keep(self, set_cookies: list[str]) -> None:
        """Take in the Set-Cookie headers of an answer; values are sent back as they came."""
        for line in set_cookies:
            if len(line) > _MAX_COOKIE or not (line.isascii() and line.isprintable()):
                continue  # a cookie that cannot be sent back is no loss
            # Not by http.cookies: older ones drop a cookie for an attribute that they do not know.
            pair, *attributes = line.split(";")
            name, mark, value = (part.strip() for part in pair.partition("="))
            if mark and name and not name.startswith(_DROPPED):
                self._set(name, value, gone=any(map(_ends, attributes)))
        self._header = None

    def _set(self, name: str, value: str, *, gone: bool) -> None:
        if name == "oai-did":
            return  # the device id is ours to say
        self._cookies.pop(name, None)
        if not gone:
            self._cookies[name] = value
        while len(self._cookies) > _MAX_COOKIES or self._size() > _MAX_HEADER:
            oldest = next(known for known in self._cookies if known != "oai-did")
            del self._cookies[oldest]

    def _size(self) -> int:
        return sum(len(name) + len(value) + 3 for name, value in self._cookies.items())


def _ends(attribute: str) -> bool:
    """Whether a cookie is deleted by this attribute: no time to live, or a date at the epoch."""
    name, _, value = (part.strip().lower() for part in attribute.partition("="))
    if name == "max-age":
        return value == "0" or value.startswith("-")
    return name == "expires" and "1970" in value


class Sessions:
    """The sessions of this process, the least recently used forgotten first."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._kept: OrderedDict[tuple[str, str], Session] = OrderedDict()

    def of(self, account: Account, site: str) -> Session:
        """The account's session at a site, a new one where there is none yet."""
        key = (account.key, site)
        session = self._kept.get(key)
        if session is None:
            session_id = self._ids.uuid()
            device_id = self._ids.uuid() if account.anonymous else account.device_id
            session = self._kept[key] = Session(device_id, session_id)
            if len(self._kept) > _MAX_SESSIONS:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return session
