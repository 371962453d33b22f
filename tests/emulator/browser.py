"""A client of the web backend as the protocol describes it, driving the emulator's ASGI by hand.

It knows the protocol and nothing of the emulator's insides, so it is the yardstick: what it can do,
any other client written from the protocol can do.
"""

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chat2api_core.emulator import DEMO_ACCESS_TOKEN, Emulator

UA = "UA/1.0"
DEVICE = "11111111-2222-4333-8444-555555555555"
SDK = "https://chatgpt.com/backend-api/sentinel/sdk.js"
Json = Any  # what a test reads out of JSON


@dataclass
class Response:
    """What came back. ``chunks`` are the bodies of the single sends; ``complete`` tells whether the
    body came to its end."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    complete: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> Json:
        return json.loads(self.body)

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    query: str = ""


async def drive(
    app: Emulator, request: Request, *, leave: Callable[[Response], bool] | None = None
) -> Response:
    """One call. ``leave`` is asked after every send; once it says yes, the client is gone."""
    response = Response()
    gone = asyncio.Event()
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": request.body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(event: Any) -> None:
        if event["type"] == "http.response.start":
            response.status = event["status"]
            response.headers = [(k.decode(), v.decode()) for k, v in event["headers"]]
        else:
            response.chunks.append(event["body"])
            response.complete = not event.get("more_body", False)
        if leave is not None and leave(response):
            gone.set()

    scope = {
        "type": "http",
        "method": request.method,
        "path": request.path,
        "query_string": request.query.encode(),
        "headers": [(k.lower().encode(), v.encode()) for k, v in request.headers.items()],
    }
    await app(scope, receive, send)
    return response


def array_a(nonce: int, user_agent: str = UA) -> list[Any]:
    """The config array of variant A."""
    return [
        3000, "Mon Mar 02 2026 10:00:00 GMT-0500 (Eastern Standard Time)", 4294705152, nonce,
        user_agent, SDK, "prod-0123", "en-US", "en-US,en", nonce >> 1, "webdriver\u2212false",
        "location", "onload", 1234.5, DEVICE, "", 8, 1772463600000,
    ]  # fmt: skip


def array_b(nonce: int, user_agent: str = UA, device: str = DEVICE) -> list[Any]:
    """The config array of variant B."""
    array = array_a(nonce, user_agent)
    array[1] = "Mon Mar 02 2026 07:00:00 GMT-0800 (Pacific Standard Time)"
    array[2], array[9], array[14] = 4294967296, 0, device
    return [*array, *[0] * 7]


def pack(array: list[Any]) -> str:
    text = json.dumps(array, separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(text.encode()).decode()


def hash_a(text: str) -> str:
    return hashlib.sha3_512(text.encode()).hexdigest()


def hash_b(text: str) -> str:
    h = 2166136261
    for character in text:
        h = ((h ^ ord(character)) * 16777619) % 2**32
    for shift, factor in ((16, 2246822507), (13, 3266489909), (16, 1)):
        h = ((h ^ (h >> shift)) * factor) % 2**32
    return f"{h:08x}"


def solve(seed: str, difficulty: str, variant: str = "b", **array: str) -> str:
    """A proof, found as the protocol says."""
    make, digest, end = (array_b, hash_b, "~S") if variant == "b" else (array_a, hash_a, "")
    for nonce in range(500_000):
        answer = pack(make(nonce, **array))
        if digest(seed + answer)[: len(difficulty)] <= difficulty:
            return f"gAAAAAB{answer}{end}"
    raise AssertionError("no proof was found")


@dataclass
class Browser:
    """One client with one device; ``token`` empty is a client without a login."""

    app: Emulator
    token: str = DEMO_ACCESS_TOKEN
    device: str = DEVICE
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return "/backend-api" if self.token else "/backend-anon"

    def headers(self, more: dict[str, str] | None = None) -> dict[str, str]:
        headers = {"user-agent": UA, "oai-device-id": self.device, **self.extra, **(more or {})}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        return headers

    def request(
        self, method: str, path: str, body: Json = None, more: dict[str, str] | None = None
    ) -> Request:
        headers = self.headers(more)
        path, _, query = path.partition("?")
        raw = b""
        if body is not None:
            headers.setdefault("content-type", "application/json")
            raw = json.dumps(body).encode()
        return Request(method, self.base + path, headers, raw, query)

    def call(
        self, method: str, path: str, body: Json = None, more: dict[str, str] | None = None
    ) -> Response:
        return asyncio.run(drive(self.app, self.request(method, path, body, more)))

    def get(self, path: str) -> Response:
        return self.call("GET", path)

    def post(self, path: str, body: Json = None, more: dict[str, str] | None = None) -> Response:
        return self.call("POST", path, body, more)

    def put(self, url: str, data: bytes, mime: str, **changes: str | None) -> Response:
        """The bytes of a file, as a stranger brings them. A change to None leaves a header out."""
        named = {name.replace("_", "-"): value for name, value in changes.items()}
        headers = {
            "content-type": mime, "content-length": str(len(data)), "x-ms-blob-type": "BlockBlob",
            "x-ms-version": "2020-04-08", "origin": "https://chatgpt.com", **named,
        }  # fmt: skip
        sent = {name: value for name, value in headers.items() if value is not None}
        path, _, query = url.partition("://")[2].partition("?")
        request = Request("PUT", "/" + path.partition("/")[2], sent, data, query)
        return asyncio.run(drive(self.app, request))

    def announce(self, name: str, data: bytes, mime: str, **more: Json) -> Response:
        """The first step of an upload."""
        use = "multimodal" if mime.startswith("image/") else "my_files"
        body = {"file_name": name, "file_size": len(data), "mime_type": mime, "use_case": use}
        return self.post("/files", {**body, **more})

    def upload(self, name: str, data: bytes, mime: str, **more: Json) -> str:
        """A whole upload; the file's id."""
        told = self.announce(name, data, mime, **more).json
        assert self.put(told["upload_url"], data, mime).status == 201
        assert self.post(f"/files/{told['file_id']}/uploaded", {}).json["status"] == "success"
        return str(told["file_id"])

    def fetch(self, url: str, **headers: str) -> Response:
        """What is at an address: with the login where it is the service's own, else without."""
        rest = url.partition("://")[2].partition("/")[2] if "://" in url else url[1:]
        path, _, query = f"/{rest}".partition("?")
        own = self.headers(headers) if path.startswith("/backend-api/") else headers
        return asyncio.run(drive(self.app, Request("GET", path, own, b"", query)))

    def two_steps(self) -> dict[str, str]:
        """The sentinel headers of the two-step form, variant B."""
        p = f"gAAAAAC{pack(array_b(1, device=self.device))}~S"
        asked = self.post("/sentinel/chat-requirements/prepare", {"p": p}).json
        proof = self.prove(asked)
        body = {"prepare_token": asked["prepare_token"], "proofofwork": proof}
        done = self.post("/sentinel/chat-requirements/finalize", body).json
        return {
            "openai-sentinel-chat-requirements-token": done["token"],
            "openai-sentinel-chat-requirements-prepare-token": asked["prepare_token"],
            "openai-sentinel-proof-token": proof,
        }

    def one_step(self) -> dict[str, str]:
        """The sentinel headers of the one-step form, variant A."""
        p = f"gAAAAAC{pack(array_a(0))}"
        asked = self.post("/sentinel/chat-requirements", {"p": p}).json
        proof = solve(asked["proofofwork"]["seed"], asked["proofofwork"]["difficulty"], "a")
        return {
            "openai-sentinel-chat-requirements-token": asked["token"],
            "openai-sentinel-proof-token": proof,
        }

    def prove(self, asked: Json) -> str:
        work = asked["proofofwork"]
        if not work["required"]:
            return ""
        return solve(work["seed"], work["difficulty"], device=self.device)

    def ask(
        self,
        text: str = "Hello",
        *,
        path: str = "/f/conversation",
        more: dict[str, str] | None = None,
        v1: bool = True,
        **changes: Json,
    ) -> Response:
        """A whole turn with fresh sentinel tokens."""
        sentinel = self.two_steps()
        return self.post(path, turn_body(text, v1=v1, **changes), {**sentinel, **(more or {})})


def turn_body(text: str = "Hello", *, v1: bool = True, **changes: Json) -> Json:
    """The body of a turn. A change to None leaves the field out."""
    body: Json = {
        "action": "next",
        "messages": [user_message(text)],
        "parent_message_id": "client-created-root",
        "model": "auto",
        "client_prepare_state": "success",
        "timezone_offset_min": 420,
        "timezone": "America/Los_Angeles",
        "conversation_mode": {"kind": "primary_assistant"},
        "system_hints": [],
        "supports_buffering": True,
        "supported_encodings": ["v1"] if v1 else [],
        "history_and_training_disabled": False,
    }
    body.update(changes)
    return {name: value for name, value in body.items() if value is not None}


def user_message(text: str, name: str = "m-user", role: str = "user") -> Json:
    return {
        "id": name,
        "author": {"role": role},
        "content": {"content_type": "text", "parts": [text]},
        "metadata": {},
    }


def data_of(stream: bytes) -> list[str]:
    """The data of every event of a stream, in order; the plainest reading of the format."""
    text = stream.decode().replace("\r\n", "\n").replace("\r", "\n")
    found = []
    for block in text.split("\n\n"):
        lines = [line[6:] for line in block.split("\n") if line.startswith("data: ")]
        if lines:
            found.append("\n".join(lines))
    return found


def events_of(stream: bytes) -> list[Json]:
    """The JSON of every event; ``[DONE]`` stays a text."""
    return [data if data == "[DONE]" else json.loads(data) for data in data_of(stream)]


def kinds_of(stream: bytes) -> list[str]:
    """The types of the typed events, in order."""
    return [event["type"] for event in events_of(stream) if "type" in event and event != "[DONE]"]


def told_of(stream: bytes, kind: str) -> Json:
    """The one typed event of this type."""
    (event,) = [e for e in events_of(stream) if isinstance(e, dict) and e.get("type") == kind]
    return event


def messages_of(stream: bytes) -> dict[str, Json]:
    """The messages at the end of a stream, by id, whatever its form: the rules of the delta
    encoding, written down once more."""
    messages: dict[str, Json] = {}
    carried: Json = {"p": "", "o": "add", "c": 0}
    documents: dict[int, Json] = {}
    for event in events_of(stream):
        if event in ("[DONE]", "v1"):
            continue
        if "v" in event:
            carried.update({key: event[key] for key in ("p", "o", "c") if key in event})
            if carried["p"] == "" and carried["o"] == "add":
                documents[carried["c"]] = event["v"]
            elif carried["o"] == "patch":
                for one in event["v"]:
                    _apply(documents[carried["c"]], carried["p"] + one["p"], one["o"], one["v"])
            else:
                _apply(documents[carried["c"]], carried["p"], carried["o"], event["v"])
            message = documents[carried["c"]].get("message")
        else:
            message = event.get("message") or event.get("input_message")
        if message:
            messages[message["id"]] = message
    return messages


def _apply(document: Json, path: str, operation: str, value: Json) -> None:
    *way, last = path.split("/")[1:]
    place = document
    for token in way:
        place = place[int(token) if isinstance(place, list) else token]
    key: Json = int(last) if isinstance(place, list) else last
    if operation == "append":
        old = place[key]
        place[key] = {**old, **value} if isinstance(old, dict) else old + value
    else:
        assert operation in ("add", "replace")
        place[key] = value


def said_by(stream: bytes, channel: str = "final") -> str:
    """The text of the assistant's messages for all in this channel."""
    return "".join(
        part
        for message in messages_of(stream).values()
        if message["author"]["role"] == "assistant"
        and message["recipient"] == "all"
        and message["channel"] == channel
        and message["content"]["content_type"] == "text"
        for part in message["content"]["parts"]
    )


def first_id(stream: bytes) -> str:
    """The conversation's id."""
    return next(
        str(event["conversation_id"])
        for event in events_of(stream)
        if isinstance(event, dict) and "conversation_id" in event
    )


def last_answer(stream: bytes) -> str:
    """The id of the last message of the answer."""
    return list(messages_of(stream))[-1]
