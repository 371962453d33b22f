"""The machine's clocks and randomness."""

import uuid

from chat2api_core.ambient import SystemClock, SystemIds


def test_a_uuid_is_one_of_version_4() -> None:
    made = {SystemIds().uuid() for _ in range(200)}

    assert len(made) == 200
    for text in made:
        parsed = uuid.UUID(text)
        assert str(parsed) == text
        assert parsed.version == 4
        assert parsed.variant == uuid.RFC_4122


def test_hex_has_as_many_digits_as_were_asked_for() -> None:
    for digits in (0, 1, 7, 24):
        text = SystemIds().hex(digits)
        assert len(text) == digits
        assert set(text) <= set("0123456789abcdef")


def test_chance_lies_between_nought_and_one() -> None:
    assert all(0 <= SystemIds().random() < 1 for _ in range(100))


def test_clocks_do_not_run_backwards() -> None:
    clock = SystemClock()

    assert clock.monotonic() <= clock.monotonic()
    assert clock.now() > 1_700_000_000
