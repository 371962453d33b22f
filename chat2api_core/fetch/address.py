"""Which URLs may be fetched, and which addresses may be connected to. Pure.

In: a URL as a caller wrote it; an IP address. Out: where to go (``Place``), or whether the address
belongs to the public Internet. The rule: when in doubt, no. A host that only looks like a name (a
number in decimal, octal or hex, digits of another script, an address in an address) is read as the
strictest reader would read it, and refused.
"""

import ipaddress
import re
from typing import Literal, TypeAlias, cast
from urllib.parse import quote, urljoin, urlsplit

from msgspec import Struct

from chat2api_core.problem import Kind, Problem

Ip: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_LONGEST = 8192
_LONGEST_HOST = 253
_DEFAULT_PORTS = {"http": 80, "https": 443}
_FIRST_FREE_PORT = 1024
_UNFIT = re.compile(r"[\x00-\x20\x7f\\]")
_BRACKETS = re.compile(r"\[[0-9a-f:.]+\](?::[0-9]*)?", re.IGNORECASE)
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
# A name whose last label is a number is an IPv4 address to some readers, whatever its form.
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_KEPT = "/%:@!$&'()*+,;=~-._?"

_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
_LOCAL_DOMAINS = (
    ".localhost", ".local", ".internal", ".intranet", ".lan", ".home", ".corp", ".home.arpa",
    ".localdomain",
)  # fmt: skip

# Everything that IANA's registries of special-purpose addresses do not call globally reachable,
# and what leads to such addresses by another way (relays, translations, multicast).
_CLOSED_4: tuple[ipaddress.IPv4Network, ...] = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        # Metadata and platform services that clouds put on addresses of their own.
        "168.63.129.16/32",
    )
)  # fmt: skip
_OPEN_6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_6: tuple[ipaddress.IPv6Network, ...] = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",      # protocol assignments, Teredo and ORCHID among them
        "2001:db8::/32",  # documentation
        "2002::/16",      # 6to4: an IPv4 address in an address
        "2620:4f:8000::/48",
        "3fff::/20",      # documentation
    )
)  # fmt: skip


class Place(Struct, frozen=True):
    """Where a URL leads. ``host`` is an ASCII name in lower case or an IP address without brackets;
    ``target`` is path and query, ready to be sent."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    target: str

    @property
    def ip(self) -> Ip | None:
        """The host, where it is an address."""
        return _ip(self.host)

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def default_port(scheme: str) -> int | None:
    """The port of a scheme, where a URL names none."""
    return _DEFAULT_PORTS.get(scheme)


def read_url(url: str) -> Place:
    """Read a URL. Raises ``Problem`` INVALID_REQUEST, which shows the host at most, for one that
    must not be fetched."""
    if len(url) > _LONGEST:
        raise refused(f"it is longer than {_LONGEST} characters")
    if _UNFIT.search(url):
        raise refused("it holds blanks, backslashes or control characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise refused("it is not a valid URL") from error
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise refused("only http and https URLs can be fetched")
    if "@" in parts.netloc:
        raise refused("it holds a user name or a password")
    if "[" in parts.netloc and not _BRACKETS.fullmatch(parts.netloc):
        raise refused("its host is not a valid address")
    port = _DEFAULT_PORTS[scheme] if port is None else port
    if port not in _DEFAULT_PORTS.values() and port < _FIRST_FREE_PORT:
        raise refused(f"port {port} is not one of the Web")
    query = f"?{parts.query}" if parts.query else ""
    target = quote(f"{parts.path or '/'}{query}", safe=_KEPT)
    return Place(cast('Literal["http", "https"]', scheme), _host(host), port, target)


def follow(place: Place, location: str) -> Place:
    """Where a redirection leads. Raises as ``read_url`` does."""
    try:
        joined = urljoin(place.url, location)
    except ValueError as error:
        raise refused("it is not a valid URL", place.host) from error
    return read_url(joined)


def is_public(ip: Ip) -> bool:
    """Whether this is an ordinary address of the public Internet."""
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in _CLOSED_4)
    if ip.scope_id is not None or ip not in _OPEN_6:
        return (
            False  # mapped, compatible and translated IPv4 lie outside 2000::/3, as do fe80, fc00
        )
    return not any(ip in network for network in _CLOSED_6)


def refused(why: str, host: str = "") -> Problem:
    """What a caller is told of a URL that is not fetched."""
    what = f"The URL at {host}" if host else "A URL"
    return Problem(Kind.INVALID_REQUEST, f"{what} cannot be fetched: {why}.", step="fetch")


def _host(host: str) -> str:
    """The host as it will be looked up. Raises ``Problem``."""
    try:
        if ":" in host:
            return str(ipaddress.ip_address(host))
        # Nameprep folds full-width digits and dots, which are digits and dots to a resolver.
        plain = host if host.isascii() else host.encode("idna").decode()
    except ValueError as error:  # a UnicodeError is one, too
        raise refused("its host is not a valid name") from error
    plain = plain.lower().removesuffix(".")
    if len(plain) > _LONGEST_HOST or not _NAME.fullmatch(plain):
        raise refused("its host is not a valid name")
    if _NUMERIC.fullmatch(plain) and _ip(plain) is None:
        raise refused("its host is a number that is not a plain address")
    if plain in _LOCAL_NAMES or plain.endswith(_LOCAL_DOMAINS):
        raise refused("its host is a local one", plain)
    return plain


def _ip(host: str) -> Ip | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
