"""The one exception that crosses a layer, and the table of everything that can go wrong.

A ``Kind`` is a row: our code, the HTTP status, OpenAI's error type, and whose fault it is. The
blame, not the status, drives fail-over:

    CALLER     tell them; try nothing else
    ACCOUNT    rest this account and ask another one
    UPSTREAM   ask again with fresh tokens, if asking twice does no harm (``again``)
    OURS       a defect or a setting of this gateway

A message is safe to show to any caller: it holds no token, no cookie, no account name.
"""

import enum
from typing import Literal, NamedTuple, TypeAlias


class Blame(enum.Enum):
    """Whose fault a problem is; see the head of this file."""

    CALLER = "caller"
    ACCOUNT = "account"
    UPSTREAM = "upstream"
    OURS = "ours"


# The step of a turn that failed. It names the place in codes such as ``sentinel_timeout``.
Step: TypeAlias = Literal[
    "auth", "request", "pool", "refresh", "bootstrap", "sentinel", "proof", "conversation",
    "stream", "models", "fetch", "upload", "download", "picture", "transcription", "speech",
    "store", "quota",
]  # fmt: skip


class Row(NamedTuple):
    """One kind of trouble. ``code`` starting with ``_`` is completed by the step in front of it.

    ``name`` makes every row distinct (enum members with equal values would be aliases)."""

    name: str
    code: str
    status: int
    type: str
    blame: Blame
    again: bool = False


_BAD = "invalid_request_error"
_AUTH = "authentication_error"
_DENIED = "permission_error"
_LIMIT = "rate_limit_error"
_SERVER = "server_error"


class Kind(enum.Enum):
    """Everything that can go wrong."""

    INVALID_REQUEST = Row("invalid", "invalid_request", 400, _BAD, Blame.CALLER)
    UNSUPPORTED_PARAMETER = Row("unsupported", "unsupported_parameter", 400, _BAD, Blame.CALLER)
    CONTEXT_LENGTH = Row("context", "context_length_exceeded", 400, _BAD, Blame.CALLER)
    CONTENT_POLICY = Row("policy", "content_policy_violation", 400, _BAD, Blame.CALLER)
    INVALID_API_KEY = Row("api_key", "invalid_api_key", 401, _BAD, Blame.CALLER)
    LOGIN_REQUIRED = Row("login", "login_required", 403, _DENIED, Blame.CALLER)
    NOT_FOUND = Row("route", "not_found", 404, _BAD, Blame.CALLER)
    MODEL_NOT_FOUND = Row("model", "model_not_found", 404, _BAD, Blame.CALLER)
    CONVERSATION_NOT_FOUND = Row("thread", "conversation_not_found", 404, _BAD, Blame.CALLER)
    RESPONSE_NOT_FOUND = Row("response", "response_not_found", 404, _BAD, Blame.CALLER)
    FILE_NOT_FOUND = Row("file", "file_not_found", 404, _BAD, Blame.CALLER)
    FILE_GONE = Row("gone", "file_expired", 410, _BAD, Blame.CALLER)
    METHOD_NOT_ALLOWED = Row("method", "method_not_allowed", 405, _BAD, Blame.CALLER)
    TOO_LARGE = Row("too_large", "request_too_large", 413, _BAD, Blame.CALLER)

    UNAUTHORIZED = Row("unauthorized", "_unauthorized", 401, _AUTH, Blame.ACCOUNT)
    UNUSUAL_ACTIVITY = Row("unusual", "_unusual_activity", 403, _DENIED, Blame.ACCOUNT, True)
    FORBIDDEN = Row("forbidden", "_forbidden", 403, _DENIED, Blame.ACCOUNT)
    TURNSTILE_REQUIRED = Row("turnstile", "turnstile_required", 403, _DENIED, Blame.ACCOUNT, True)
    ARKOSE_REQUIRED = Row("arkose", "arkose_required", 403, _DENIED, Blame.ACCOUNT)
    RATE_LIMITED = Row("limited", "rate_limit_exceeded", 429, _LIMIT, Blame.ACCOUNT)
    BUSY = Row("busy", "account_busy", 429, _LIMIT, Blame.ACCOUNT)

    CHALLENGED = Row("challenged", "_challenged", 403, _DENIED, Blame.UPSTREAM, True)
    PROOF_TOO_HARD = Row("hard", "proof_too_hard", 403, _DENIED, Blame.UPSTREAM, True)
    UNREACHABLE = Row("unreachable", "_unreachable", 502, _SERVER, Blame.UPSTREAM, True)
    UPSTREAM_ERROR = Row("error", "_upstream_error", 502, _SERVER, Blame.UPSTREAM, True)
    GARBAGE = Row("garbage", "_unreadable", 502, _SERVER, Blame.UPSTREAM, True)
    CUT = Row("cut", "_cut", 502, _SERVER, Blame.UPSTREAM, True)
    HANDOFF = Row("handoff", "stream_handed_off", 502, _SERVER, Blame.UPSTREAM)
    UNAVAILABLE = Row("unavailable", "_unavailable", 503, _SERVER, Blame.UPSTREAM, True)
    TIMEOUT = Row("timeout", "_timeout", 504, _SERVER, Blame.UPSTREAM)

    REFUSED = Row("refused", "_refused", 422, _BAD, Blame.OURS)
    NO_ACCOUNT = Row("no_account", "no_account", 503, _SERVER, Blame.OURS)
    MISCONFIGURED = Row("misconfigured", "misconfigured", 500, _SERVER, Blame.OURS)
    INTERNAL = Row("internal", "internal_error", 500, _SERVER, Blame.OURS)


class Problem(Exception):
    """Something went wrong, in words that may be shown, with a kind that says what follows.

    ``param`` names the offending request field, ``retry_after`` is in seconds from now. ``spent``:
    what was asked for was made, or is being made; asking again would have it made, and paid for,
    once more.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        step: Step | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        spent: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.step = step
        self.param = param
        self.retry_after = retry_after
        self.spent = spent

    @property
    def code(self) -> str:
        """The code that clients see, such as ``rate_limit_exceeded`` or ``sentinel_timeout``."""
        code = self.kind.value.code
        return f"{self.step or 'request'}{code}" if code.startswith("_") else code

    @property
    def status(self) -> int:
        return self.kind.value.status

    @property
    def type(self) -> str:
        return self.kind.value.type

    @property
    def blame(self) -> Blame:
        return self.kind.value.blame

    @property
    def again(self) -> bool:
        """Whether the same question may be put once more without harm."""
        return self.kind.value.again and not self.spent

    def __repr__(self) -> str:
        return f"Problem({self.kind.name}, {self.message!r}, step={self.step!r})"


def forget_frames(error: BaseException) -> None:
    """Take from an error that was dealt with, and from those behind it, the frames that they came
    through.

    A frame holds its variables, a request's whole body among them. Where one of these in turn holds
    the error, all of it would stay until the garbage collector looks for rings, which it seldom
    does: large requests that fail would fill the memory."""
    waiting = [error]
    while waiting:
        one = waiting.pop()
        one.__traceback__ = None
        behind = (one.__cause__, one.__context__)
        waiting += [each for each in behind if each is not None and each.__traceback__ is not None]
