"""What an account's browser would remember: cookies and names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.accounts.account import Account
from chat2api_core.secret import Secret
from chat2api_core.upstreams.chatgpt_web.session import Session, Sessions
from tests.fakes import FakeIds

SITE = "https://chatgpt.com"
A, B = (Account(access_token=Secret(name)) for name in "ab")


def header_after(*set_cookies: str) -> str:
    """The Cookie header after these Set-Cookie headers, without the device id at its head."""
    session = Session("device", "session")
    session.keep(list(set_cookies))
    first, *rest = session.cookie_header().decode().split("; ")
    assert first == "oai-did=device"
    return "; ".join(rest)


class TestCookies:
    @pytest.mark.parametrize(
        ("line", "sent"),
        [
            ("oai-sc=0gAA; Path=/; Secure; HttpOnly; SameSite=Lax", "oai-sc=0gAA"),
            (
                "__cf_bm=a.b-1; path=/; expires=Fri, 21-Aug-26 09:00:00 GMT; domain=.chatgpt.com;"
                " HttpOnly; Secure; SameSite=None; Partitioned",
                "__cf_bm=a.b-1",
            ),
            ("_cfuvid=x; Priority=High", "_cfuvid=x"),
            ('quoted="a b\\073"; Path=/', 'quoted="a b\\073"'),
            (" spaced = value ;Path=/", "spaced=value"),
            ("base64=YQ==", "base64=YQ=="),
            ("empty=; Path=/", "empty="),
            ('odd={"a":[1]}', 'odd={"a":[1]}'),
        ],
    )
    def test_they_are_sent_back_as_they_came(self, line: str, sent: str) -> None:
        assert header_after(line) == sent

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "no-value; Path=/",
            "=no-name",
            "conv_key_abc=1",
            " conv_key_abc=1",
            "large=" + "x" * 4096,
            "line=end\r\nx-header: 1",
            "snow=\u2603",
        ],
    )
    def test_some_are_not_kept(self, line: str) -> None:
        assert header_after("good=1", line) == "good=1"

    def test_the_device_id_is_ours(self) -> None:
        assert header_after("oai-did=another; Path=/") == ""

    def test_a_newer_value_takes_the_place_of_the_older(self) -> None:
        assert header_after("a=1", "b=2", "a=3") == "b=2; a=3"

    @pytest.mark.parametrize(
        "end",
        [
            "Max-Age=0",
            "max-age = 0",
            "Max-Age=-1",
            "Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0",
        ],
    )
    def test_the_site_can_delete_one(self, end: str) -> None:
        assert header_after("a=1; Path=/", "b=2", f"a=; Path=/; {end}") == "b=2"

    @pytest.mark.parametrize(
        "life", ["Max-Age=1970", "Max-Age=3600", "Expires=Thu, 01 Jan 2099 00:00:00 GMT", "x=1970"]
    )
    def test_one_with_a_life_ahead_is_kept(self, life: str) -> None:
        assert header_after(f"a=1; {life}") == "a=1"

    def test_the_oldest_go_when_they_are_too_many(self) -> None:
        sent = header_after(*(f"c{number}=1" for number in range(50)))

        assert sent == "; ".join(f"c{number}=1" for number in range(11, 50))

    def test_the_oldest_go_when_they_are_too_large_together(self) -> None:
        large = [f"c{number}=" + "x" * 4000 for number in range(5)]

        assert header_after(*large) == "; ".join(large[2:])

    def test_the_header_is_made_anew_when_there_is_news(self) -> None:
        session = Session("device", "session")
        first = session.cookie_header()
        assert session.cookie_header() is first

        session.keep(["a=1"])
        assert session.cookie_header() == b"oai-did=device; a=1"

    def test_all_but_the_device_id_can_be_forgotten(self) -> None:
        session = Session("device", "session")
        session.keep(["a=1"])
        session.cookie_header()
        session.forget()

        assert session.cookie_header() == b"oai-did=device"

    @given(st.lists(st.tuples(st.text(), st.integers(0, 4000))))
    def test_whatever_comes_the_header_is_one_line_and_small(
        self, cookies: list[tuple[str, int]]
    ) -> None:
        session = Session("device", "session")
        session.keep([text + "x" * size for text, size in cookies])
        session.keep([f"{text}=" + "x" * size for text, size in cookies])
        header = session.cookie_header().decode("ascii")

        assert header.isprintable()
        assert header.startswith("oai-did=device")
        assert len(header) <= 12 * 1024
        assert header.count("; ") < 40


class TestSessions:
    def test_an_account_has_one_at_each_site(self) -> None:
        sessions = Sessions(FakeIds())
        one = sessions.of(A, SITE)

        assert sessions.of(A, SITE) is one
        assert sessions.of(B, SITE) is not one
        assert sessions.of(A, "https://other.example") is not one

    def test_the_device_is_the_accounts_on_every_instance(self) -> None:
        sessions = [Sessions(FakeIds()), Sessions(FakeIds())]

        assert {one.of(A, SITE).device_id for one in sessions} == {A.device_id}
        assert A.device_id != B.device_id

    def test_without_an_account_the_device_is_chance(self) -> None:
        ids = FakeIds()
        nobody = Account()
        sessions = [Sessions(ids), Sessions(ids)]
        devices = {one.of(nobody, SITE).device_id for one in sessions}

        assert len(devices) == 2
        assert sessions[0].of(nobody, SITE).device_id in devices
        assert nobody.device_id not in devices

    def test_the_name_of_a_session_is_its_own(self) -> None:
        sessions = Sessions(FakeIds())
        one, other = sessions.of(A, SITE), sessions.of(B, SITE)

        assert len({one.session_id, other.session_id, one.device_id}) == 3

    def test_the_least_recently_used_is_forgotten(self) -> None:
        sessions = Sessions(FakeIds())
        kept, lost = sessions.of(A, SITE), sessions.of(B, SITE)
        for number in range(1998):
            sessions.of(Account(access_token=Secret(str(number))), SITE)
        sessions.of(A, SITE)
        sessions.of(Account(access_token=Secret("one too many")), SITE)

        assert sessions.of(A, SITE) is kept
        assert sessions.of(B, SITE) is not lost
