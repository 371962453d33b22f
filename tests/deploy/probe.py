"""A client that sees when each byte of an answer arrives."""

import http.client
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

KEY = "sk-deployed"
ASK: dict[str, Any] = {
    "model": "auto",
    "messages": [{"role": "user", "content": "Tell me something, word by word."}],
}


@dataclass
class Answer:
    """What came back. ``times`` are seconds from the request to each part of the body; ``cut``
    tells that the connection ended before the answer did."""

    status: int
    headers: list[tuple[str, str]]
    parts: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    cut: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]

    @property
    def events(self) -> list[Any]:
        """The events of a stream, without its end marker."""
        blocks = self.body.decode().split("\n\n")
        data = [block.removeprefix("data: ") for block in blocks if block.startswith("data: ")]
        return [json.loads(item) for item in data if item != "[DONE]"]

    @property
    def spread(self) -> float:
        """Seconds between the first and the last part."""
        return self.times[-1] - self.times[0]


class Client:
    """Speaks to one address."""

    def __init__(self, url: str) -> None:
        self.url = url
        split = urlsplit(url)
        assert split.hostname is not None
        self._host, self._port, self._path = split.hostname, split.port, split.path

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 90.0,
    ) -> Answer:
        """Ask, and read the answer to its end."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        given = {"Authorization": f"Bearer {KEY}", **(headers or {})}
        began = time.monotonic()
        try:
            connection.request(method, self._path + path, body, given)
            response = connection.getresponse()
            answer = Answer(response.status, response.getheaders())
            try:
                while part := response.read1(65536):
                    answer.parts.append(part)
                    answer.times.append(time.monotonic() - began)
            except (http.client.IncompleteRead, ConnectionError):
                answer.cut = True
            return answer
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, headers=headers)

    def post(self, path: str, body: object, **headers: str) -> Answer:
        """Send JSON, or bytes as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, raw, {"Content-Type": "application/json", **headers})

    def chat(self, **fields: object) -> Answer:
        return self.post("/v1/chat/completions", ASK | fields)

    def upload(self, data: bytes, name: str = "some.bin") -> Answer:
        """Send a file to the Files API, as a form with a part of bytes."""
        head = (
            '--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
            f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + data + b"\r\n--x--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        return self.request("POST", "/v1/files", body, headers)

    def leave_early(self) -> None:
        """Ask for a stream, wait for its first byte, and hang up."""
        body = json.dumps(ASK | {"stream": True}).encode()
        head = (
            f"POST {self._path}/v1/chat/completions HTTP/1.1\r\nHost: here\r\n"
            f"Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection((self._host, self._port), timeout=30) as connection:
            connection.sendall(head.encode() + body)
            assert connection.recv(1)
