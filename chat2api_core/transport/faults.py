"""What failed on the way, in plain words. Pure.

In: the error that a library raised, and whether it was one of time or of the proxy. Out: the
``Problem``. No word of it comes from the error itself: those may quote addresses with passwords.
"""

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from chat2api_core.problem import Kind, Problem, Step

_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "its name could not be resolved (DNS)"),
    (ssl.SSLCertVerificationError, "its TLS certificate is not trusted"),
    (ssl.SSLError, "the TLS handshake failed"),
    (ConnectionRefusedError, "the connection was refused"),
    (ConnectionResetError, "the connection was reset"),
)


def unreachable(
    error: Exception, step: Step, url: str, *, late: bool, proxied: bool, by_proxy: bool
) -> Problem:
    """Of a request that got no answer. ``late``: time ran out; ``proxied``: it went through a
    proxy; ``by_proxy``: that refused it."""
    host = urlsplit(url).hostname or "the upstream"
    if late:
        message = f"{host} did not answer in time (step {step})."
        return Problem(Kind.TIMEOUT, message, step=step)
    reason = "the proxy did not let the connection through" if by_proxy else _reason(error)
    through = " through the proxy" if proxied else ""
    message = f"Could not reach {host}{through}: {reason} (step {step})."
    return Problem(Kind.UNREACHABLE, message, step=step)


def cut(step: Step, *, late: bool) -> Problem:
    """Of an answer that broke off."""
    if late:
        message = "ChatGPT fell silent in the middle of an answer."
        return Problem(Kind.TIMEOUT, message, step=step)
    message = "The connection to ChatGPT broke in the middle of an answer."
    return Problem(Kind.CUT, message, step=step)


def _reason(error: Exception) -> str:
    causes = list(_causes(error))
    for kind, words in _REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return words
    return "the connection ended before an answer came"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what it came from, and so on; bounded."""
    for _ in range(10):
        if error is None:
            return
        yield error
        inner = getattr(error, "os_error", None)  # aiohttp keeps the socket's error aside
        if isinstance(inner, BaseException):
            yield inner
        error = error.__cause__ or error.__context__
