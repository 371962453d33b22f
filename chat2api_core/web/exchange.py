"""One request and its answer, as the handlers see them: ASGI with the repeated parts done once."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import TYPE_CHECKING

from starlette.types import Message, Receive, Scope, Send

from chat2api_core.dialects.base import error_document
from chat2api_core.problem import Kind, Problem
from chat2api_core.web.paths import mount, own_path

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

    from chat2api_core.keys import ApiKey
    from chat2api_core.transcript import Transcript
    from chat2api_core.turn import Prompt
    from chat2api_core.wiring import Gateway

RawHeaders = Iterable[tuple[bytes, bytes]]

_JSON = (b"content-type", b"application/json")
_LONGEST_REQUEST_ID = 128
_READ_AWAY = 4  # so many times the limit is taken from who sends too much,
_READ_AWAY_MOST = 60_000_000  # and at most so many bytes more than it


class ClientGone(Exception):
    """The client hung up and nobody is left to answer. Ends an exchange quietly; stays in here."""


class Exchange:
    """A request of a client. ``status`` is 0 until an answer has begun; ``complete`` is set as its
    last part goes out: from then on servers report a disconnection that is none."""

    __slots__ = (
        "account", "began", "complete", "counted_as", "extra", "gateway", "headers", "key", "model",
        "outcome", "prompt", "receive", "request_id", "route", "scope", "send", "stages", "status",
        "transcript", "upstream",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send, gateway: "Gateway") -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.gateway = gateway
        self.headers = _headers(scope)
        self.request_id = _request_id(self.headers) or f"req_{gateway.ids.hex(24)}"
        self.status = 0
        self.complete = False
        # Headers of the answer that are known before it begins.
        self.extra: list[tuple[bytes, bytes]] = []
        # What the line in the log says beside the status.
        self.route = ""
        self.model = ""
        self.account = ""
        self.upstream = ""
        self.outcome = ""
        # Who asks and what, as far as it is known, and what was answered so far.
        self.key: ApiKey | None = None
        self.counted_as = ""
        self.prompt: Prompt | None = None
        self.transcript: Transcript | None = None
        # When it began (by the gateway's monotonic clock), and how many milliseconds after that
        # each of its stages was done.
        self.began = gateway.clock.monotonic()
        self.stages: dict[str, float] = {}

    @property
    def method(self) -> str:
        method: str = self.scope["method"]
        return method

    @property
    def path(self) -> str:
        """The path below ``mount``."""
        return own_path(self.scope)

    @property
    def mount(self) -> str:
        """What stands before every path of ours, as ``/stage``; empty for most hosts."""
        return mount(self.scope)

    @property
    def scheme(self) -> str:
        """``http`` or ``https``, as it is between us and who is in front of us."""
        scheme: str = self.scope.get("scheme", "http")
        return scheme

    def parameter(self, name: str) -> str:
        """A part of the path that the route leaves open, empty where there is none."""
        value: str = self.scope.get("path_params", {}).get(name, "")
        return value

    def mark(self, stage: str) -> None:
        """Note that a stage is done now; the first time counts."""
        if stage not in self.stages:
            seconds = self.gateway.clock.monotonic() - self.began
            self.stages[stage] = round(seconds * 1000, 1)

    def answered(self, account: str, transcript: "Transcript") -> None:
        """Note which account answers, and where its words gather."""
        self.account = account
        self.transcript = transcript
        self.mark("open")

    @property
    def query(self) -> "QueryParams":
        """The parameters behind the question mark."""
        from starlette.datastructures import QueryParams  # noqa: PLC0415 (no chat has any)

        return QueryParams(self.scope.get("query_string", b""))

    async def body(self) -> bytes:
        """The request's body. Raises as ``pieces`` does, above MAX_BODY; ``Problem``
        INVALID_REQUEST for one that is packed."""
        most = self.gateway.settings.max_body
        pieces = [piece async for piece in self.pieces(most, "MAX_BODY")]
        packed = self.headers.get("content-encoding", "identity")
        if packed != "identity":
            how = f"(Content-Encoding: {packed[:20]!a})"
            text = f"The request body is packed {how}. Send it as it is."
            raise Problem(Kind.INVALID_REQUEST, text)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def pieces(self, most: int, setting: str) -> AsyncGenerator[bytes, None]:
        """The request's body as it comes, up to ``most`` bytes. Raises ``ClientGone``, or
        ``Problem`` TOO_LARGE, which names the ``setting`` that bounds it.

        What is too large is read away before that is told: servers close such a connection, and
        who is still sending then reads of a reset instead of the reason."""
        size = 0
        more = True
        end = min(most * _READ_AWAY, most + _READ_AWAY_MOST)
        while more and size <= end:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece: bytes = message.get("body", b"")
            size += len(piece)
            more = message.get("more_body", False)
            if size <= most:
                yield piece
        if size > most:
            text = f"The request body is larger than {most} bytes ({setting})."
            raise Problem(Kind.TOO_LARGE, text)

    async def gone(self) -> None:
        """Return when the client has hung up. Call after ``body``."""
        while (await self.receive())["type"] != "http.disconnect":
            pass  # further parts of a body that nobody asked for

    async def start(self, status: int, headers: RawHeaders) -> None:
        """Begin the answer. This and what follows raise ``ClientGone``."""
        self.status = status
        raw = [*headers, *self.extra, (b"x-request-id", self.request_id.encode())]
        await self._tell({"type": "http.response.start", "status": status, "headers": raw})

    async def piece(self, data: bytes, *, more: bool) -> None:
        """Send a part of the answer's body; ``more`` is False with the last one."""
        self.complete = not more
        await self._tell({"type": "http.response.body", "body": data, "more_body": more})

    async def document(self, body: bytes, *, status: int = 200, headers: RawHeaders = ()) -> None:
        """Answer with a JSON document."""
        length = (b"content-length", str(len(body)).encode())
        await self.start(status, [_JSON, length, *headers])
        await self.piece(b"" if self.method == "HEAD" else body, more=False)

    async def problem(self, problem: Problem, *, status: int = 0, headers: RawHeaders = ()) -> None:
        """Answer with an error in OpenAI's shape. ``status`` overrides that of its kind."""
        self.outcome = problem.code
        extra = list(headers)
        if problem.retry_after is not None:
            seconds = max(1, int(problem.retry_after + 0.999))
            extra.append((b"retry-after", str(seconds).encode()))
        if problem.spent:  # the official clients repeat a 5xx by themselves otherwise
            extra.append((b"x-should-retry", b"false"))
        if problem.status == 401:  # noqa: PLR2004 (unauthorized)
            extra.append((b"www-authenticate", b"Bearer"))
        body = error_document(problem)
        await self.document(body, status=status or problem.status, headers=extra)

    async def _tell(self, message: Message) -> None:
        try:
            await self.send(message)
        except OSError as error:  # how a server may say that nobody listens any more
            raise ClientGone from error


def _headers(scope: Scope) -> Mapping[str, str]:
    """By names in lower case, as servers write them. Of a header that came twice the first counts:
    what was added behind it does not change who asks."""
    pairs = reversed(list(scope["headers"]))
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}


def _request_id(headers: Mapping[str, str]) -> str:
    """The client's own id for its request, if it is fit for a header and a log line."""
    given = headers.get("x-request-id", "")
    fit = given.isascii() and given.isprintable() and len(given) <= _LONGEST_REQUEST_ID
    return given if fit else ""
