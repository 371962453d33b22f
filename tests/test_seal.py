"""Sealing: what is sealed opens again with the same key in the same place, and in no other way."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.ambient import SystemIds
from chat2api_core.seal import BadSeal, Sealer, hkdf
from chat2api_core.secret import Secret

KEY = Secret("a key that nobody can guess")
SEALER = Sealer(KEY, SystemIds())


class FixedIds:
    """Chance that always falls the same way."""

    def uuid(self) -> str:
        return "00000000-0000-4000-8000-000000000000"

    def hex(self, digits: int) -> str:
        return ("0123456789abcdef" * digits)[:digits]

    def random(self) -> float:
        return 0.5


@given(st.binary(max_size=2000), st.text(max_size=50))
def test_what_was_sealed_opens_again(value: bytes, context: str) -> None:
    sealed = SEALER.seal(value, context)
    assert SEALER.open(sealed, context) == value
    assert len(sealed) == len(value) + 53


def test_the_form_of_version_1_stays_as_it_is_described() -> None:
    """Computed here by the description, in other words than the module's own."""
    value, context = b"refresh token \x00\xff", "account:3fa2"
    secret = KEY.reveal().encode()

    def derive(info: bytes) -> bytes:  # one block of HKDF is all that 32 bytes need
        root = hmac.new(b"chat2api seal", secret, hashlib.sha256).digest()
        return hmac.new(root, info + b"\x01", hashlib.sha256).digest()

    nonce = bytes.fromhex("0123456789abcdef0123456789abcdef")
    mask = hashlib.shake_256(derive(b"encrypt") + bytes(136 - 32) + nonce).digest(len(value))
    body = (
        b"\x01"
        + derive(b"mark")[:4]
        + nonce
        + bytes(a ^ b for a, b in zip(value, mask, strict=True))
    )
    signed = b"\x00\x00\x00\x0c" + b"account:3fa2" + body
    tag = hmac.new(derive(b"sign"), signed, hashlib.sha256).digest()
    assert Sealer(KEY, FixedIds()).seal(value, context) == body + tag
    assert SEALER.open(body + tag, context) == value


@pytest.mark.parametrize(
    ("key", "salt", "info", "length", "expected"),
    [
        pytest.param(
            "0b" * 22,
            "000102030405060708090a0b0c",
            "f0f1f2f3f4f5f6f7f8f9",
            42,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
            id="RFC 5869, A.1",
        ),
        pytest.param(
            "0b" * 22,
            "",
            "",
            42,
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
            id="RFC 5869, A.3",
        ),
    ],
)
def test_the_keys_are_derived_as_the_standard_says(
    key: str, salt: str, info: str, length: int, expected: str
) -> None:
    derived = hkdf(bytes.fromhex(key), bytes.fromhex(salt), bytes.fromhex(info), length)
    assert derived.hex() == expected


def test_two_seals_of_one_value_differ_everywhere_that_matters() -> None:
    one, two = SEALER.seal(bytes(64), "c"), SEALER.seal(bytes(64), "c")
    assert one[:5] == two[:5]  # version and mark of the key
    assert one[5:21] != two[5:21]  # nonce
    assert one[21:85] != two[21:85]


def test_nothing_of_the_value_shows() -> None:
    assert b"secret" not in SEALER.seal(b"secret" * 100, "c")


@given(st.binary(max_size=60), st.data())
def test_any_changed_byte_is_noticed(value: bytes, data: st.DataObject) -> None:
    sealed = bytearray(SEALER.seal(value, "c"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadSeal) as caught:
        SEALER.open(bytes(sealed), "c")
    expected = "format" if place == 0 else "key" if place < 5 else "altered"
    assert caught.value.reason == expected


@given(st.binary(max_size=60), st.integers(0, 200))
def test_a_value_cut_short_is_noticed(value: bytes, left: int) -> None:
    sealed = SEALER.seal(value, "c")
    with pytest.raises(BadSeal) as caught:
        SEALER.open(sealed[: min(left, len(sealed) - 1)], "c")
    assert caught.value.reason in {"format", "altered"}


@given(st.binary(max_size=200))
def test_garbage_is_never_opened(garbage: bytes) -> None:
    with pytest.raises(BadSeal):
        SEALER.open(garbage, "c")


@pytest.mark.parametrize("other", ["", "account:2", "account:1 ", "Account:1"])
def test_a_value_opens_only_in_its_own_place(other: str) -> None:
    sealed = SEALER.seal(b"v", "account:1")
    with pytest.raises(BadSeal, match="belongs somewhere else") as caught:
        SEALER.open(sealed, other)
    assert caught.value.reason == "altered"


def test_nothing_moves_from_the_context_into_the_value() -> None:
    """The same bytes, cut elsewhere between context and body, are not the same."""
    sealed = SEALER.seal(b"v", "ab")
    with pytest.raises(BadSeal):
        SEALER.open(b"\x01" + sealed, "a")


def test_another_key_is_told_apart_from_a_changed_value() -> None:
    sealed = SEALER.seal(b"v", "c")
    with pytest.raises(BadSeal, match="another SECRET_KEY") as caught:
        Sealer(Secret("another key of this length"), SystemIds()).open(sealed, "c")
    assert caught.value.reason == "key"


@pytest.mark.parametrize("key", ["", "short", "x" * 15])
def test_a_short_key_is_refused_by_name(key: str) -> None:
    with pytest.raises(ValueError, match="SECRET_KEY") as caught:
        Sealer(Secret(key), SystemIds())
    assert not key or key not in str(caught.value)


def test_a_sealer_does_not_print_its_key() -> None:
    assert KEY.reveal() not in repr(SEALER)


@given(st.binary(max_size=300), st.text(max_size=50))
def test_what_was_sealed_as_text_opens_again(value: bytes, context: str) -> None:
    text = SEALER.seal_text(value, context)
    assert SEALER.open_text(text, context) == value
    assert all(one.isascii() and (one.isalnum() or one in "-_") for one in text)


@pytest.mark.parametrize("text", ["", "a", "?", "ünreadable", "AAAA", "A" * 200])
def test_a_text_that_is_no_seal_says_so(text: str) -> None:
    with pytest.raises(BadSeal) as raised:
        SEALER.open_text(text, "here")
    assert raised.value.reason == "format"
