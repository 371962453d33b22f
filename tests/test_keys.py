"""What a local key may do."""

import pytest

from chat2api_core.keys import ApiKey
from chat2api_core.secret import Secret

SECRET = Secret("sk-ann")


@pytest.mark.parametrize(
    ("models", "model", "allowed"),
    [
        ((), "anything", True),
        (("gpt-5",), "gpt-5", True),
        (("gpt-5",), "gpt-5-mini", False),
        (("gpt-5*",), "gpt-5", True),
        (("gpt-5*",), "gpt-5-mini", True),
        (("o3", "gpt-5*"), "gpt-4o", False),
        (("*",), "gpt-4o", True),
    ],
)
def test_a_key_asks_for_its_own_models_only(
    models: tuple[str, ...], model: str, allowed: bool
) -> None:
    assert ApiKey(SECRET, models=models).allows(model) is allowed


@pytest.mark.parametrize(("expires", "over"), [(0, False), (99, True), (100, True), (101, False)])
def test_a_key_is_over_from_its_end_on(expires: float, over: bool) -> None:
    assert ApiKey(SECRET, expires=expires).expired(100) is over


def test_a_key_is_shown_by_its_name_or_else_by_its_fingerprint() -> None:
    assert ApiKey(SECRET, "Ann").shown == "Ann"
    assert ApiKey(SECRET).shown == ApiKey(SECRET, "Ann").fingerprint == SECRET.fingerprint()


def test_a_key_does_not_print_its_text() -> None:
    assert "sk-ann" not in repr(ApiKey(SECRET, "Ann"))
