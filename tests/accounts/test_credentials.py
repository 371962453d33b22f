"""Access tokens from refresh tokens and session tokens, against a sign-in server on a socket."""

import asyncio
import base64
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import msgspec
import pytest
from msgspec import structs

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.credentials import Credentials
from chat2api_core.accounts.egress import Egress
from chat2api_core.accounts.exchange import Exchange
from chat2api_core.accounts.signed_in import SignedIn
from chat2api_core.problem import Blame, Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.transport import Transport
from tests.fakes import FakeClock

NOW = 1_787_300_000.0
CODEX, IOS = "rt_demo", "i" * 45
COOKIE = "__Secure-next-auth.session-token"
USER_AGENT = "Mozilla/5.0 (compatible; test)"


def jwt(exp: float, name: str = "") -> str:
    """An access token that ends at this time; ``name`` makes it distinct."""
    payload = base64.urlsafe_b64encode(msgspec.json.encode({"exp": exp, "jti": name})).rstrip(b"=")
    return f"eyJhbGciOiJSUzI1NiJ9.{payload.decode()}.sig"


FRESH = jwt(NOW + 864_000, "fresh")
OLD = jwt(NOW - 1, "old")
ENDING = jwt(NOW + 299, "ending")


class Call(msgspec.Struct):
    """A request that the server got."""

    line: str
    headers: dict[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        return {name: value for name, (value,) in parse_qs(self.body, strict_parsing=True).items()}

    @property
    def cookies(self) -> list[str]:
        return self.headers["cookie"].split("; ")


class Answer(msgspec.Struct):
    """What the server answers."""

    body: str = ""
    status: int = 200
    cookies: Sequence[str] = ()
    headers: dict[str, str] = {}


def tokens(access: str = FRESH, refresh: str | None = None, **more: str) -> Answer:
    answer = {"access_token": access, "token_type": "Bearer", "expires_in": 864000, **more}
    return Answer(
        msgspec.json.encode(answer | ({"refresh_token": refresh} if refresh else {})).decode()
    )


def session(access: str = FRESH, cookies: Sequence[str] = ()) -> Answer:
    answer = {"user": {"id": "user-ABC"}, "accessToken": access, "authProvider": "openai"}
    return Answer(msgspec.json.encode(answer).decode(), cookies=cookies)


class Desk:
    """Credentials, and the server that they ask: it gives one answer after the other, the last one
    again and again. ``hold`` keeps it from answering."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.calls: list[Call] = []
        self.clock = FakeClock(NOW)
        self.asked = asyncio.Event()
        self.hold = asyncio.Event()
        self.hold.set()
        self.serving: list[asyncio.Task[None]] = []
        self.credentials: Credentials

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, then close the connection."""
        task = asyncio.current_task()
        assert task is not None
        self.serving.append(task)
        with contextlib.suppress(ConnectionError):  # a client may have heard enough
            await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in rest)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.calls.append(Call(line, headers, body.decode()))
        self.asked.set()
        await self.hold.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        cookies = "".join(f"set-cookie: {cookie}\r\n" for cookie in answer.cookies)
        raw = answer.body.encode()
        others = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
        head = f"HTTP/1.1 {answer.status} X\r\n{cookies}{others}connection: close\r\n"
        head += f"content-length: {len(raw)}\r\n\r\n"
        writer.write(head.encode() + raw)
        await writer.drain()


@asynccontextmanager
async def listening(desk: Desk, proxy: bool = False) -> AsyncIterator[Desk]:
    server = await asyncio.start_server(desk.attend, "127.0.0.1", 0)
    transport = Transport(backend="httpx", connect_timeout=5, read_timeout=5)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        exchange = Exchange(
            transport,
            egress=Egress((Secret(url),) if proxy else ()),
            auth_url="http://auth.invalid" if proxy else url,
            site_url=url,
            user_agent=USER_AGENT,
        )
        desk.credentials = Credentials(exchange, clock=desk.clock)
        try:
            yield desk
        finally:
            desk.hold.set()
            await transport.aclose()
            await asyncio.gather(*desk.serving)


Use = Callable[[Desk], Awaitable[Account]]


def used(use: Use, *answers: Answer, proxy: bool = False) -> tuple[Account, Desk]:
    """What comes of using credentials whose server gives these answers."""

    async def run() -> tuple[Account, Desk]:
        async with listening(Desk(*answers), proxy) as desk:
            return await use(desk), desk

    return asyncio.run(run())


def readied(account: Account, *answers: Answer) -> tuple[Account, Desk]:
    return used(lambda desk: desk.credentials.ready(account), *answers)


def refusal(account: Account, *answers: Answer) -> Problem:
    with pytest.raises(Problem) as raised:
        readied(account, *answers)
    assert raised.value.step == "refresh"
    assert CODEX not in raised.value.message
    return raised.value


def refreshing(token: str = CODEX, access: str = "") -> Account:
    return Account(refresh_token=Secret(token), access_token=Secret(access), account_id="team")


def signed_in(token: str = "jwe", access: str = "") -> Account:
    return Account(session_token=Secret(token), access_token=Secret(access))


class TestRefreshTokens:
    def test_one_of_the_codex_client_is_exchanged_by_form_and_rotates(self) -> None:
        account = refreshing()
        fresh, desk = readied(account, tokens(refresh="rt_new", id_token="id"))
        (call,) = desk.calls

        assert call.line == "POST /oauth/token HTTP/1.1"
        assert call.headers["content-type"] == "application/x-www-form-urlencoded"
        assert call.headers["accept"] == "application/json"
        assert call.headers["user-agent"] == USER_AGENT
        assert call.form == {
            "grant_type": "refresh_token",
            "client_id": "app_EMoamEEZ73f0CkXaXp7hrann",
            "refresh_token": "rt_demo",
            "scope": "openid profile email offline_access",
        }
        assert fresh == structs.replace(
            account,
            access_token=Secret(FRESH),
            refresh_token=Secret("rt_new"),
            id_token=Secret("id"),
            handle=account.key,
        )
        assert fresh.key == account.key

    def test_one_of_the_ios_client_is_exchanged_by_json_and_stays(self) -> None:
        account = refreshing(IOS)
        fresh, desk = readied(account, tokens())
        (call,) = desk.calls

        assert call.line == "POST /oauth/token HTTP/1.1"
        assert call.headers["content-type"] == "application/json"
        assert msgspec.json.decode(call.body) == {
            "client_id": "pdlLIX2Y72MIl2rhLhTE9VV9bN905kBh",
            "grant_type": "refresh_token",
            "redirect_uri": "com.openai.chat://auth.openai.com/ios/com.openai.chat/callback",
            "refresh_token": IOS,
        }
        assert fresh == structs.replace(account, access_token=Secret(FRESH), handle=account.key)

    def test_the_next_exchange_shows_the_rotated_one(self) -> None:
        async def use(desk: Desk) -> Account:
            await desk.credentials.ready(refreshing())
            desk.clock.advance(864_000)
            return await desk.credentials.ready(refreshing())

        again = jwt(NOW + 2 * 864_000, "again")
        fresh, desk = used(use, tokens(refresh="rt_new"), tokens(again, refresh="rt_newer"))

        assert [call.form["refresh_token"] for call in desk.calls] == ["rt_demo", "rt_new"]
        assert fresh.access_token == Secret(again)
        assert fresh.refresh_token == Secret("rt_newer")
        assert fresh.key == refreshing().key

    @pytest.mark.parametrize(
        "answer",
        [
            Answer('{"error":"invalid_grant","error_description":"x"}', 403),
            Answer('{"error":"invalid_grant","code":"refresh_token_reused"}', 400),
            Answer('{"error":"x","code":"refresh_token_revoked"}', 500),
            Answer('{"error":"access_denied"}', 403),
            Answer(
                '{"error":{"message":"x","type":"invalid_request_error",'
                '"code":"refresh_token_expired"}}',
                403,
            ),
            Answer('{"error":{"message":"x","type":"authentication_error","code":null}}', 403),
            Answer('{"error":{"code":"unauthorized"}}', 403),
            Answer("<html>", 401),
            Answer('{"error":"something_new"}', 400),
        ],
    )
    def test_a_dead_one_says_that_a_login_is_needed(self, answer: Answer) -> None:
        problem = refusal(refreshing(), answer)

        assert problem.kind is Kind.UNAUTHORIZED
        assert problem.code == "refresh_unauthorized"
        assert problem.blame is Blame.ACCOUNT

    @pytest.mark.parametrize(
        ("told", "wait"), [("90", 90.0), ("", None), ("soon", None), ("-1", None)]
    )
    def test_a_server_that_asks_to_wait_is_waited_for(self, told: str, wait: float | None) -> None:
        headers = {"retry-after": told} if told else {}
        problem = refusal(refreshing(), Answer("{}", 429, headers=headers))

        assert problem.kind is Kind.RATE_LIMITED
        assert problem.retry_after == wait

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (Answer('{"error":"too_many"}', 429), Kind.RATE_LIMITED),
            (Answer("<html>", 403), Kind.UPSTREAM_ERROR),
            (Answer('{"error":null}', 500), Kind.UPSTREAM_ERROR),
            (Answer('{"error":{"type":"server_error"}}', 503), Kind.UPSTREAM_ERROR),
            (Answer("[]", 502), Kind.UPSTREAM_ERROR),
            (Answer("<html>"), Kind.GARBAGE),
            (Answer('{"access_token":7}'), Kind.GARBAGE),
            (Answer('{"access_token":""}'), Kind.GARBAGE),
            (Answer("{}"), Kind.GARBAGE),
            (Answer("<html>400 Bad Request</html>", 400), Kind.UPSTREAM_ERROR),
            (Answer("", 400), Kind.UPSTREAM_ERROR),
            (Answer("x" * 1_100_000), Kind.GARBAGE),
        ],
    )
    def test_other_failures_do_not_condemn_it(self, answer: Answer, kind: Kind) -> None:
        assert refusal(refreshing(), answer).kind is kind

    def test_a_server_that_cannot_be_reached_is_told_as_that(self) -> None:
        async def use(desk: Desk) -> Account:
            transport = Transport(backend="httpx", connect_timeout=5, read_timeout=5)
            nowhere = Exchange(
                transport,
                egress=Egress(()),
                auth_url="http://127.0.0.1:9",
                site_url="http://127.0.0.1:9",
                user_agent=USER_AGENT,
            )
            return await Credentials(nowhere, clock=desk.clock).ready(refreshing())

        with pytest.raises(Problem) as raised:
            used(use, Answer())
        assert raised.value.kind is Kind.UNREACHABLE
        assert raised.value.code == "refresh_unreachable"

    def test_the_exchange_leaves_through_the_proxy(self) -> None:
        _, desk = used(lambda desk: desk.credentials.ready(refreshing()), tokens(), proxy=True)

        assert desk.calls[0].line == "POST http://auth.invalid/oauth/token HTTP/1.1"


class TestSessionTokens:
    def test_one_is_exchanged_at_the_site_and_rotates(self) -> None:
        account = signed_in()
        rotated = f"{COOKIE}=jwe-new; Path=/; Expires=Fri, 20 Nov 2026 00:00:00 GMT; HttpOnly"
        cookies = ["other=1; Path=/", rotated + "; Secure; SameSite=Lax; Partitioned"]
        fresh, desk = readied(account, session(cookies=cookies))
        (call,) = desk.calls

        assert call.line == "GET /api/auth/session HTTP/1.1"
        assert call.cookies == [f"{COOKIE}=jwe"]
        assert call.headers["user-agent"] == USER_AGENT
        assert call.body == ""
        assert fresh == structs.replace(
            account,
            access_token=Secret(FRESH),
            session_token=Secret("jwe-new"),
            handle=account.key,
        )

    def test_one_that_does_not_rotate_stays(self) -> None:
        assert readied(signed_in(), session())[0].session_token == Secret("jwe")

    @pytest.mark.parametrize(("size", "pieces"), [(3900, 1), (3901, 2), (7800, 2), (7801, 3)])
    def test_a_long_one_travels_in_pieces(self, size: int, pieces: int) -> None:
        token = "".join(str(number % 10) for number in range(size))
        _, desk = readied(signed_in(token), session())
        sent = dict(cookie.split("=", 1) for cookie in desk.calls[0].cookies)

        names = [COOKIE] if pieces == 1 else [f"{COOKIE}.{n}" for n in range(pieces)]
        assert list(sent) == names
        assert "".join(sent.values()) == token
        assert all(len(f"{name}={value}") < 4096 for name, value in sent.items())

    @pytest.mark.parametrize(
        ("cookies", "kept"),
        [
            ([f"{COOKIE}.0=one; Path=/", f"{COOKIE}.1=two; Path=/"], "onetwo"),
            ([f"{COOKIE}.1=two", f"{COOKIE}=; Max-Age=0", f"{COOKIE}.0=one"], "onetwo"),
            ([f"{COOKIE}.0=; Max-Age=0", f"{COOKIE}.1=; Max-Age=0", f"{COOKIE}=whole"], "whole"),
            ([f"{COOKIE}.0=one", f"{COOKIE}.1=; Max-Age=0", f"{COOKIE}.2=stray"], "one"),
            ([f"{COOKIE}=; Max-Age=0"], "jwe"),
            (["a,b=c; Path=/", "nothing", ""], "jwe"),
        ],
    )
    def test_its_successor_may_come_in_pieces(self, cookies: list[str], kept: str) -> None:
        fresh, _ = readied(signed_in(), session(cookies=cookies))

        assert fresh.session_token == Secret(kept)

    @pytest.mark.parametrize(
        "answer",
        [
            Answer("{}"),
            Answer('{"WARNING_BANNER":"x"}'),
            Answer('{"accessToken":null}'),
            Answer(f'{{"accessToken":"{OLD}","error":"RefreshAccessTokenError"}}'),
            Answer("{}", 401),
        ],
    )
    def test_a_dead_one_says_that_a_login_is_needed(self, answer: Answer) -> None:
        assert refusal(signed_in(), answer).kind is Kind.UNAUTHORIZED

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [(Answer("<html>", 403), Kind.UPSTREAM_ERROR), (Answer("<html>"), Kind.GARBAGE)],
    )
    def test_other_failures_do_not_condemn_it(self, answer: Answer, kind: Kind) -> None:
        assert refusal(signed_in(), answer).kind is kind


class TestWhen:
    @pytest.mark.parametrize(
        "account",
        [
            Account(),
            Account(access_token=Secret(OLD)),
            refreshing(access=FRESH),
            refreshing(access=jwt(NOW + 301)),
            refreshing(access=jwt(0)),
            refreshing(access="opaque"),
        ],
        ids=["anonymous", "nothing to renew with", "fresh", "not ending yet", "endless", "opaque"],
    )
    def test_a_token_that_will_do_is_left_alone(self, account: Account) -> None:
        same, desk = readied(account, tokens())

        assert same is account
        assert desk.calls == []

    @pytest.mark.parametrize("access", ["", OLD, jwt(NOW + 300), ENDING])
    def test_a_token_that_is_about_to_end_is_renewed(self, access: str) -> None:
        fresh, _ = readied(refreshing(access=access), tokens())

        assert fresh.access_token == Secret(FRESH)

    def test_a_fetched_token_is_kept(self) -> None:
        async def use(desk: Desk) -> Account:
            await desk.credentials.ready(refreshing())
            return await desk.credentials.ready(refreshing())

        fresh, desk = used(use, tokens())

        assert fresh.access_token == Secret(FRESH)
        assert len(desk.calls) == 1

    def test_a_token_that_still_works_goes_on_when_it_cannot_be_renewed(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        account = refreshing(access=ENDING)
        with caplog.at_level(logging.WARNING):
            same, desk = readied(account, Answer("", 503))

        assert same is account
        assert len(desk.calls) == 1
        assert "refresh_upstream_error" in caplog.text
        assert account.key in caplog.text

    def test_a_token_that_has_ended_does_not(self) -> None:
        assert refusal(refreshing(access=OLD), Answer("", 503)).kind is Kind.UPSTREAM_ERROR


class TestRefusedTokens:
    def test_one_is_renewed_although_it_looks_fresh(self) -> None:
        async def use(desk: Desk) -> Account:
            renewed = await desk.credentials.renewed(refreshing(access=FRESH))
            assert renewed is not None
            assert await desk.credentials.ready(refreshing(access=FRESH)) == renewed
            return renewed

        fresh, desk = used(use, tokens("another"))

        assert fresh.access_token == Secret("another")
        assert len(desk.calls) == 1

    def test_one_that_somebody_else_has_renewed_is_not_renewed_again(self) -> None:
        async def use(desk: Desk) -> Account:
            ready = await desk.credentials.ready(refreshing())
            first = await desk.credentials.renewed(ready)
            assert await desk.credentials.renewed(ready) == first
            assert first is not None
            return first

        fresh, desk = used(use, tokens("one"), tokens("two"))

        assert fresh.access_token == Secret("two")
        assert len(desk.calls) == 2

    def test_one_without_another_credential_cannot_be_renewed(self) -> None:
        async def use(desk: Desk) -> Account:
            assert await desk.credentials.renewed(Account(access_token=Secret(FRESH))) is None
            return Account()

        assert used(use, tokens())[1].calls == []


class TestManyAtOnce:
    def test_they_share_one_exchange(self) -> None:
        async def use(desk: Desk) -> Account:
            asking = [desk.credentials.ready(refreshing()) for _ in range(50)]
            first, *others = await asyncio.gather(*asking)
            assert others == [first] * 49
            return first

        fresh, desk = used(use, tokens(refresh="rt_new"), Answer("reused", 400))

        assert fresh.refresh_token == Secret("rt_new")
        assert len(desk.calls) == 1

    def test_they_share_its_failure(self) -> None:
        async def use(desk: Desk) -> Account:
            asking = [desk.credentials.ready(refreshing()) for _ in range(50)]
            answers = await asyncio.gather(*asking, return_exceptions=True)
            kinds = {answer.kind for answer in answers if isinstance(answer, Problem)}
            assert len(answers) == 50
            assert kinds == {Kind.UNAUTHORIZED}
            return Account()

        assert len(used(use, Answer('{"error":"invalid_grant"}', 400))[1].calls) == 1

    def test_after_a_failure_the_next_one_tries_again(self) -> None:
        async def use(desk: Desk) -> Account:
            with pytest.raises(Problem):
                await desk.credentials.ready(refreshing())
            return await desk.credentials.ready(refreshing())

        assert used(use, Answer("", 503), tokens())[0].access_token == Secret(FRESH)

    def test_accounts_do_not_wait_for_one_another(self) -> None:
        async def use(desk: Desk) -> Account:
            desk.hold.clear()
            asking = [desk.credentials.ready(refreshing(f"rt_{n}")) for n in range(3)]
            waiting = asyncio.gather(*asking)
            while len(desk.calls) < 3:
                desk.asked.clear()
                await desk.asked.wait()
            desk.hold.set()
            first, *_ = await waiting
            return first

        assert len(used(use, tokens())[1].calls) == 3

    def test_one_that_hangs_up_loses_nobody_the_new_token(self) -> None:
        async def use(desk: Desk) -> Account:
            desk.hold.clear()
            leaving = asyncio.create_task(desk.credentials.ready(refreshing()))
            await desk.asked.wait()
            leaving.cancel()
            await asyncio.wait((leaving,))
            assert leaving.cancelled()
            desk.hold.set()
            return await desk.credentials.ready(refreshing())

        fresh, desk = used(use, tokens(refresh="rt_new"), Answer("reused", 400))

        assert fresh.refresh_token == Secret("rt_new")
        assert len(desk.calls) == 1

    @pytest.mark.parametrize("answer", [Answer('{"error":"invalid_grant"}', 400), tokens()])
    def test_an_exchange_that_nobody_waits_for_ends_quietly(
        self, answer: Answer, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def use(desk: Desk) -> Account:
            desk.hold.clear()
            asking = asyncio.create_task(desk.credentials.ready(refreshing()))
            flight = await self.flight(desk, asking)
            asking.cancel()
            desk.hold.set()
            await asyncio.wait((asking, flight))
            return Account()

        used(use, answer)
        assert caplog.records == []

    def test_an_exchange_that_is_cancelled_with_all_tasks_stands_in_nobodys_way(self) -> None:
        async def use(desk: Desk) -> Account:
            desk.hold.clear()
            asking = asyncio.create_task(desk.credentials.ready(refreshing()))
            flight = await self.flight(desk, asking)
            flight.cancel()
            await asyncio.wait((asking,))
            assert asking.cancelled()
            desk.hold.set()
            return await desk.credentials.ready(refreshing())

        assert used(use, tokens())[0].access_token == Secret(FRESH)

    async def flight(self, desk: Desk, asking: asyncio.Task[Account]) -> asyncio.Task[Account]:
        """The task of the exchange that is under way."""
        await desk.asked.wait()
        ours = {asyncio.current_task(), asking, *desk.serving}
        (flight,) = asyncio.all_tasks() - ours
        return flight


def test_the_tokens_of_strangers_are_bounded_and_those_in_use_stay() -> None:
    async def use(desk: Desk) -> Account:
        used_often, seldom = refreshing("rt_often"), refreshing("rt_seldom")
        await desk.credentials.ready(used_often)
        await desk.credentials.ready(seldom)
        for number in range(9_998):
            # As real exchanges do, ten times faster.
            desk.credentials._keep(str(number), SignedIn(Account(), 0))
        await desk.credentials.ready(used_often)
        desk.credentials._keep("one too many", SignedIn(Account(), 0))
        before = len(desk.calls)
        await desk.credentials.ready(used_often)
        assert len(desk.calls) == before
        return await desk.credentials.ready(seldom)

    _, desk = used(use, tokens())

    assert [call.form["refresh_token"] for call in desk.calls].count("rt_seldom") == 2
