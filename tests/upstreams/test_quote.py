"""What of the upstream's words is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.upstreams.quote import quote

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3ODczMDAwMDB9.c2lnbmF0dXJlLWRlbW8"
TOKENS = (
    JWT,
    "sk-proj-abcdefgh1234567890abcd",
    "rt_abcdefgh1234567890abcdefgh",
    "gAAAAABnDEMOrequirementsTOKENabcd",
    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHI",
    "sess-abcdefghijklmnopqrst1234",
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("Too many requests in 1 hour. Try again later.",
         "Too many requests in 1 hour. Try again later."),
        ("two\r\n\t lines\x00\x1b[31m", "two lines [31m"),
        ("<b>bold</b><script>x</script> a < b", "bold x a b"),
        ("Your authentication token has expired.", "Your authentication token has expired."),
        ("conversation 6a1f0c1e-0000-4000-8000-000000000001 is gone",
         "conversation 6a1f0c1e-0000-4000-8000-000000000001 is gone"),
        (f"token {JWT}, please", "token [hidden], please"),
        ("Bearer abc.def", "[hidden]"),
        ("key sk-abcdef is bad", "key [hidden] is bad"),
        ("by rt_abcdef.", "by [hidden]"),
        ("mail x.y+z@example.com now", "mail [hidden] now"),
        ("user-ABC123 of org-abc1234", "[hidden] of [hidden]"),
        ("user-specific org-wide", "user-specific org-wide"),
        ("x" * 40, "[hidden]"),
        ("\u8bf7\u6c42\u592a\u591a", "\u8bf7\u6c42\u592a\u591a"),
    ],
)  # fmt: skip
def test_texts_are_cleaned(text: str, shown: str) -> None:
    assert quote(text) == shown


def test_a_long_text_is_cut() -> None:
    shown = quote("word " * 1000)
    assert len(shown) == 300
    assert shown.endswith("\u2026")


def test_a_token_at_the_cut_is_not_shown_in_part() -> None:
    for position in range(7900, 8001):
        assert "sk-" not in quote("\t" * position + "sk-abcdefgh1234567890abcd")
    assert quote("x" * 9000) == ""


@given(st.text(), st.sampled_from(TOKENS), st.text())
def test_no_piece_of_a_token_is_ever_shown(before: str, token: str, after: str) -> None:
    shown = quote(before + token + after)
    assert len(shown) <= 300
    assert "<" not in shown
    for start in range(len(token) - 12):
        piece = token[start : start + 12]
        if piece not in before + after:
            assert piece not in shown
