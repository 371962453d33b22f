"""Tokens of links: sealed, ended, and never anything but a problem for bad ones."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.media.links import Links, Target
from chat2api_core.problem import Kind, Problem
from chat2api_core.seal import Sealer
from chat2api_core.secret import Secret
from tests.fakes import FakeClock, FakeIds

TARGET = Target("sediment://file_0001", "0123456789ab", "conv-1", "m-1")


def made(clock: FakeClock | None = None, key: str = "k") -> Links:
    return Links(Sealer(Secret(key * 32), FakeIds()), clock or FakeClock(), ttl=60)


def refused(links: Links, token: str) -> str:
    with pytest.raises(Problem) as caught:
        links.open(token)
    assert caught.value.kind is Kind.FILE_NOT_FOUND
    return caught.value.message


def test_a_token_stands_for_its_target_and_shows_nothing_of_it() -> None:
    links = made()
    token = links.token(TARGET)
    assert links.open(token) == TARGET
    raw = base64.urlsafe_b64decode(token + "==")
    assert b"file_0001" not in raw
    assert b"conv" not in raw
    assert token.replace("-", "").replace("_", "").isalnum()
    assert len(token) < 250


def test_two_tokens_for_the_same_differ() -> None:
    links = made()
    assert links.token(TARGET) != links.token(TARGET)


def test_a_token_ends_at_its_time() -> None:
    clock = FakeClock()
    links = made(clock)
    token = links.token(TARGET)
    clock.advance(59)
    assert links.open(token) == TARGET
    clock.advance(1)
    assert "expired" in refused(links, token)


def test_another_key_opens_nothing() -> None:
    assert "another key" in refused(made(key="x"), made().token(TARGET))


def test_a_place_that_is_too_long_has_no_token() -> None:
    assert made().token(Target("sandbox:/" + "a" * 600, "acc")) == ""
    assert made().token(Target("a", "acc", "c" * 2000)) == ""


@given(st.text(max_size=80) | st.binary(max_size=200).map(lambda b: base64.b64encode(b).decode()))
def test_garbage_is_told_in_words(token: str) -> None:
    assert "nothing at this link" in refused(made(), token)


@given(st.integers(0, 149), st.sampled_from("Aa0-_"))
def test_a_changed_token_opens_nothing(place: int, sign: str) -> None:
    links = made()
    token = links.token(TARGET)
    changed = token[:place] + sign + token[place + 1 :]
    if changed != token:
        refused(links, changed)


def test_an_overlong_token_is_not_even_opened() -> None:
    refused(made(), "A" * 5000)
