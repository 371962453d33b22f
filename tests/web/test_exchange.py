"""One request and its answer: bodies, ids, headers, and a client that leaves."""

import asyncio
from collections.abc import Sequence

import pytest

from chat2api_core.problem import Kind, Problem
from chat2api_core.web.exchange import ClientGone, Exchange
from tests.asgi import Client, play
from tests.web.fake_gateway import FakeGateway, ScriptedEngine, exchange_of, settings_with

GIVEN = "client-req 1"


def body_of(parts: Sequence[bytes], *, max_body: int = 10) -> bytes:
    async def run() -> bytes:
        fake = FakeGateway(ScriptedEngine(), settings_with(max_body=max_body))
        return await exchange_of(Client(parts=parts), fake).body()

    return play(run())


class TestBody:
    @pytest.mark.parametrize(
        ("parts", "whole"),
        [
            ([b""], b""),
            ([b"one"], b"one"),
            ([b"one", b"", b"two"], b"onetwo"),
            ([b"0123456789"], b"0123456789"),
        ],
    )
    def test_it_is_put_together(self, parts: list[bytes], whole: bytes) -> None:
        assert body_of(parts) == whole

    @pytest.mark.parametrize("parts", [[b"0123456789a"], [b"0123456789", b"a", b"read away"]])
    def test_a_large_one_is_refused(self, parts: list[bytes]) -> None:
        with pytest.raises(Problem) as raised:
            body_of(parts)

        assert raised.value.kind is Kind.TOO_LARGE
        assert "10 bytes" in raised.value.message

    @pytest.mark.parametrize(
        ("parts", "left"),
        [
            ([b"0123456789", b"a", b"bc", b""], 0),
            ([b"x" * 40, b"x", b"never read"], 1),
            ([b"x" * 41, b"never read", b"nor this"], 2),
        ],
        ids=["all of it", "up to four times the limit", "and no more"],
    )
    def test_a_large_one_is_read_away_within_bounds(self, parts: list[bytes], left: int) -> None:
        async def run() -> int:
            client = Client(parts=parts)
            fake = FakeGateway(ScriptedEngine(), settings_with(max_body=10))
            with pytest.raises(Problem):
                await exchange_of(client, fake).body()
            return client.unread

        assert play(run()) == left

    def test_a_packed_one_is_refused_as_that(self) -> None:
        client = Client(parts=[b"\x1f\x8b"], headers={"content-encoding": "gzip"})
        with pytest.raises(Problem) as raised:
            play(exchange_of(client).body())

        assert raised.value.status == 400
        assert "Content-Encoding: 'gzip'" in raised.value.message

    def test_a_client_that_leaves_before_its_end_is_gone(self) -> None:
        async def run() -> None:
            client = Client(parts=[b"one", b"two"])
            exchange = exchange_of(client)
            await client.receive()
            client.hang_up()
            with pytest.raises(ClientGone):
                await exchange.body()

        play(run())

    def test_parts_that_come_after_it_are_no_hanging_up(self) -> None:
        async def run() -> None:
            client = Client(parts=[b"all"])
            exchange = exchange_of(client)
            assert await exchange.body() == b"all"
            gone = asyncio.create_task(exchange.gone())
            await asyncio.sleep(1)
            assert not gone.done()
            client.hang_up(late=[b"late", b"later"])
            await asyncio.sleep(1)
            assert gone.done()

        play(run())


def exchange(headers: dict[str, str] | None = None, path: str = "/") -> Exchange:
    return exchange_of(Client("GET", path, headers=headers))


class TestRequestIds:
    @pytest.mark.parametrize("given", ["abc-123", "with space", "x" * 128])
    def test_a_fit_one_of_the_client_is_kept(self, given: str) -> None:
        assert exchange({"x-request-id": given}).request_id == given

    @pytest.mark.parametrize("given", ["", "x" * 129, "tab\there", "caf\u00e9", "a\x7f"])
    def test_an_unfit_one_is_replaced(self, given: str) -> None:
        assert exchange({"x-request-id": given}).request_id == "req_" + "1".rjust(24, "0")

    def test_without_one_there_is_a_fresh_one(self) -> None:
        assert exchange().request_id == "req_" + "1".rjust(24, "0")


def test_parameters_of_the_path_are_empty_where_there_are_none() -> None:
    one = exchange()
    assert one.parameter("model") == ""
    one.scope["path_params"] = {"model": "gpt"}

    assert one.parameter("model") == "gpt"
    assert one.parameter("other") == ""


def test_the_query_is_readable() -> None:
    one = exchange()
    assert one.query.get("limit") is None
    one.scope["query_string"] = b"limit=5&after=a%20b"

    assert (one.query["limit"], one.query["after"]) == ("5", "a b")


def answered(
    method: str = "GET",
    *,
    problem: Problem | None = None,
    status: int = 0,
    breaks: tuple[int, Exception] | None = None,
) -> Client:
    """What a client gets: a small document, or the problem."""

    async def run() -> Client:
        client = Client(method, headers={"x-request-id": GIVEN}, breaks=breaks)
        one = exchange_of(client)
        if problem is None:
            await one.document(b'{"a":1}', status=201, headers=[(b"x-more", b"yes")])
        else:
            await one.problem(problem, status=status, headers=[(b"x-more", b"yes")])
            assert one.outcome == problem.code
        assert one.status == client.status
        assert one.complete
        return client

    return play(run())


class TestDocuments:
    def test_they_go_out_with_their_length_and_the_id_of_the_request(self) -> None:
        client = answered()

        assert client.status == 201
        assert client.pieces == [b'{"a":1}']
        assert client.ended
        assert client.headers == {
            "content-type": "application/json",
            "content-length": "7",
            "x-more": "yes",
            "x-request-id": GIVEN,
        }

    def test_head_gets_the_head_alone(self) -> None:
        client = answered("HEAD")

        assert client.headers["content-length"] == "7"
        assert client.body == b""

    @pytest.mark.parametrize("number", [0, 1])
    def test_a_server_that_finds_nobody_means_that_the_client_is_gone(self, number: int) -> None:
        with pytest.raises(ClientGone):
            answered(breaks=(number, BrokenPipeError()))

    def test_headers_that_were_known_before_go_out_with_them(self) -> None:
        async def run() -> Client:
            client = Client("GET")
            one = exchange_of(client)
            one.extra.append((b"x-known", b"1"))
            await one.document(b"{}")
            return client

        assert play(run()).headers["x-known"] == "1"


class TestProblems:
    def test_they_go_out_in_the_shape_of_openai(self) -> None:
        client = answered(problem=Problem(Kind.INVALID_REQUEST, "No.", param="messages"))

        assert client.status == 400
        assert client.error == {
            "message": "No.",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "invalid_request",
        }
        assert client.headers["x-request-id"] == GIVEN
        assert client.headers["x-more"] == "yes"
        assert {"retry-after", "www-authenticate"}.isdisjoint(client.headers)

    @pytest.mark.parametrize(
        ("wait", "seconds"), [(0, "1"), (0.2, "1"), (1, "1"), (59.2, "60"), (3600.0, "3600")]
    )
    def test_a_wait_is_told_in_whole_seconds_never_too_few(self, wait: float, seconds: str) -> None:
        problem = Problem(Kind.RATE_LIMITED, "Wait.", retry_after=wait)

        assert answered(problem=problem).headers["retry-after"] == seconds

    @pytest.mark.parametrize(("spent", "said"), [(True, "false"), (False, None)])
    def test_what_would_be_made_twice_is_not_to_be_asked_for_again(
        self, spent: bool, said: str | None
    ) -> None:
        problem = Problem(Kind.UPSTREAM_ERROR, "No.", step="download", spent=spent)

        assert answered(problem=problem).headers.get("x-should-retry") == said
        assert problem.again is not spent

    def test_a_missing_key_says_what_is_missing(self) -> None:
        client = answered(problem=Problem(Kind.INVALID_API_KEY, "No key.", step="auth"))

        assert client.status == 401
        assert client.headers["www-authenticate"] == "Bearer"

    def test_a_status_of_its_own_goes_before_that_of_the_kind(self) -> None:
        assert answered(problem=Problem(Kind.METHOD_NOT_ALLOWED, "No."), status=426).status == 426
