"""The proof of work: the hash, the array, the searches and their limits."""

import base64
import hashlib
import itertools
import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web import fnv
from chat2api_core.upstreams.chatgpt_web.page import Page
from chat2api_core.upstreams.chatgpt_web.proof import (
    Browser,
    Challenge,
    Element,
    Variant,
    config_array,
    date_text,
    easy,
    requirements_token,
    solve,
    too_hard,
)

DEVICE = "11111111-2222-4333-8444-555555555555"
SDK = "https://chatgpt.com/backend-api/sentinel/sdk.js"
MOMENT = 1772463600.0  # 2026-03-02 15:00:00 UTC


class Chances:
    """Ids whose chance is what the test says."""

    def __init__(self, *values: float) -> None:
        self._values = itertools.cycle(values or (0.5,))

    def uuid(self) -> str:
        return DEVICE

    def hex(self, digits: int) -> str:
        return "0" * digits

    def random(self) -> float:
        return next(self._values)


def array_of(
    variant: Variant, *, chance: float = 0.5, scripts: tuple[str, ...] = (SDK,)
) -> list[Element]:
    return config_array(
        variant,
        browser=Browser("UA/1.0"),
        page=Page(scripts, "prod-0123"),
        device_id=DEVICE,
        now=MOMENT,
        ids=Chances(chance),
        elapsed_ms=1234.5,
    )


def known_array(variant: Variant, nonce: int) -> list[Element]:
    """The array for which the known results below hold."""
    zone = ("10:00:00 GMT-0500 (Eastern", "07:00:00 GMT-0800 (Pacific")[variant == "fnv"]
    return [
        3000,
        f"Mon Mar 02 2026 {zone} Standard Time)",
        4294967296 if variant == "fnv" else 4294705152,
        nonce,
        "UA/1.0",
        SDK,
        "prod-0123",
        "en-US",
        "en-US,en",
        0 if variant == "fnv" else nonce >> 1,
        "webdriver\u2212false",
        "location",
        "onload",
        1234.5,
        DEVICE,
        "",
        8,
        1772463600000,
        *([0] * 7 if variant == "fnv" else ()),
    ]


def plain_base64(array: Sequence[Element]) -> str:
    """Written with another JSON encoder than the code under test."""
    text = json.dumps(array, separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(text.encode()).decode()


def plain_digest(variant: Variant, text: str) -> str:
    """The hashes, straight from their definitions."""
    if variant == "sha3":
        return hashlib.sha3_512(text.encode()).hexdigest()
    h = 2166136261
    for character in text:
        h = (h ^ ord(character)) * 16777619 % 2**32
    h = (h ^ (h >> 16)) * 2246822507 % 2**32
    h = (h ^ (h >> 13)) * 3266489909 % 2**32
    return f"{h ^ (h >> 16):08x}"


def opened(token: str) -> list[Element]:
    """The array in a token."""
    answer = json.loads(base64.b64decode(token[7:].removesuffix("~S")))
    assert isinstance(answer, list)
    return answer


# ---------------------------------------------------------------------------------- the hashes


@pytest.mark.parametrize(
    ("text", "digest"),
    [("", "ab3e7c0b"), ("a", "1a80b1b3"), ("hello", "888d766e"), ("0.5abc", "3f75bd87")],
)
def test_the_newer_hash_has_the_known_results(text: str, digest: str) -> None:
    assert fnv.digest(text) == digest


@given(st.text())
def test_the_newer_hash_is_what_its_definition_says(text: str) -> None:
    assert fnv.digest(text) == plain_digest("fnv", text)


@settings(max_examples=40, deadline=None)
@given(
    st.binary(max_size=40),
    st.binary(max_size=40),
    st.sampled_from([1, 2, 90, 255, 256, 300]),
    st.integers(0, 2**32 - 1),
)
def test_many_lanes_give_what_one_at_a_time_gives(
    shared: bytes, own: bytes, lanes: int, state: int
) -> None:
    middles = b"".join(f"{number:04}".encode() for number in range(lanes))
    suffix = fnv.Suffix(shared, own)
    hashes = []
    for number in range(lanes):
        text = f"{number:04}" + (shared + own).decode("latin-1")
        hashes.append(int(_mixed(fnv.absorb(text, state)), 16))
    lowest = min(hashes)
    assert fnv.first_within(state, middles, 4, suffix, lowest) == hashes.index(lowest)
    if lowest:
        assert fnv.first_within(state, middles, 4, suffix, lowest - 1) is None
    assert fnv.first_within(state, middles, 4, suffix, 2**32 - 1) == 0


def _mixed(h: int) -> str:
    h = (h ^ (h >> 16)) * 2246822507 % 2**32
    h = (h ^ (h >> 13)) * 3266489909 % 2**32
    return f"{h ^ (h >> 16):08x}"


def test_the_older_form_has_the_known_results() -> None:
    digests = [
        plain_digest("sha3", "0.42" + plain_base64(known_array("sha3", i))) for i in range(51)
    ]
    assert digests[0].startswith("8d5521143a38f3d3")
    assert digests[6].startswith("0365a0fb656e187f")
    assert next(i for i, digest in enumerate(digests) if digest[:6] <= "0fffff") == 6
    assert digests[50].startswith("00effae6766e43d6")
    assert next(i for i, digest in enumerate(digests) if digest[:6] <= "00ffff") == 50


@pytest.mark.parametrize(("difficulty", "nonce", "digest"), [
    ("0fffff", 5, "0bc29ea7"), ("00ffff", 469, "0075f3d5"),
])  # fmt: skip
def test_the_newer_form_finds_the_known_solutions(difficulty: str, nonce: int, digest: str) -> None:
    proof = solve("fnv", Challenge("0.42", difficulty), known_array("fnv", 0))
    assert opened(proof) == known_array("fnv", nonce)
    assert fnv.digest("0.42" + proof[7:-2]) == digest


def test_the_newer_form_starts_from_the_known_hash() -> None:
    assert fnv.digest("0.42" + plain_base64(known_array("fnv", 0))) == "223436f8"


# ----------------------------------------------------------------------------------- the array


def test_the_older_array_has_eighteen_elements_in_their_places() -> None:
    assert array_of("sha3") == [
        3000,
        "Mon Mar 02 2026 15:00:00 GMT+0000 (Coordinated Universal Time)",
        4294967296,
        0,
        "UA/1.0",
        SDK,
        "prod-0123",
        "en-US",
        "en-US,en",
        0,
        "cookieEnabled\u2212true",
        "location",
        "onload",
        1234.5,
        DEVICE,
        "",
        8,
        MOMENT * 1000 - 1234.5,
    ]


def test_the_newer_array_has_seven_zeros_more() -> None:
    assert array_of("fnv") == [*array_of("sha3"), 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(("chance", "script"), [(0.0, "a"), (0.5, "b"), (0.999, "b")])
def test_one_script_of_the_page_is_drawn(chance: float, script: str) -> None:
    assert array_of("fnv", chance=chance, scripts=("a", "b"))[5] == script


def test_a_page_without_scripts_gives_null() -> None:
    assert array_of("fnv", scripts=())[5] is None


@pytest.mark.parametrize(("now", "text"), [
    (0.0, "Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)"),
    (1798761599.9, "Thu Dec 31 2026 23:59:59 GMT+0000 (Coordinated Universal Time)"),
])  # fmt: skip
def test_dates_are_written_as_javascript_writes_them(now: float, text: str) -> None:
    assert date_text(now) == text


# ---------------------------------------------------------------------------------- the tokens


def test_the_older_opening_is_an_easy_proof_with_a_seed_of_its_own() -> None:
    token = requirements_token("sha3", array_of("sha3"), ids=Chances(0.25))
    assert token.startswith("gAAAAAC")
    assert not token.endswith("~S")
    assert plain_digest("sha3", "0.25" + token[7:])[:6] <= "0fffff"


def test_the_newer_opening_is_not_searched() -> None:
    token = requirements_token("fnv", array_of("fnv"), ids=Chances(0.25))
    expected = array_of("fnv")
    expected[3], expected[9] = 1, 0.25
    assert token == "gAAAAAC" + plain_base64(expected) + "~S"


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["sha3", "fnv"]),
    st.text(max_size=20),
    st.sampled_from(["f", "0f", "3ff", "0fffff", "03fffff", "07ffffff", "0fffffffff", "00ffff"]),
    st.text(max_size=30),
)
def test_a_proof_is_the_first_nonce_that_meets_the_difficulty(
    variant: Variant, seed: str, difficulty: str, agent: str
) -> None:
    array = array_of(variant)
    array[4] = agent
    proof = solve(variant, Challenge("s" + seed, difficulty), array)
    sealed = "~S" if variant == "fnv" else ""
    assert proof.startswith("gAAAAAB")
    assert proof.endswith(sealed)
    found = opened(proof)
    nonce = found[3]
    assert isinstance(nonce, int)
    for i in range(nonce + 1):
        array[3] = i
        digest = plain_digest(variant, "s" + seed + plain_base64(array))
        assert (digest[: len(difficulty)] <= difficulty) == (i == nonce)
    assert proof == "gAAAAAB" + plain_base64(array) + sealed


def test_nonces_of_every_length_are_tried_in_order() -> None:
    seen: list[int] = []
    for difficulty in ("fffff", "0ffff", "00fff", "000ff", "0003f", "0000f"):
        proof = solve("fnv", Challenge("0.8", difficulty), array_of("fnv"))
        assert plain_digest("fnv", "0.8" + proof[7:-2])[:5] <= difficulty
        nonce = opened(proof)[3]
        assert isinstance(nonce, int)
        seen.append(nonce)
    assert seen == sorted(seen)
    assert seen[-1] > 10_000


@pytest.mark.parametrize(("seed", "difficulty"), [("", "0fffff"), ("0.5", ""), ("", "")])
def test_an_empty_challenge_of_the_newer_form_has_an_empty_proof(
    seed: str, difficulty: str
) -> None:
    assert solve("fnv", Challenge(seed, difficulty), array_of("fnv")) == "gAAAAAB~S"


def test_an_empty_difficulty_of_the_older_form_is_met_at_once() -> None:
    assert opened(solve("sha3", Challenge("0.5", ""), array_of("sha3")))[3] == 0


# ---------------------------------------------------------------------------------- the limits


@pytest.mark.parametrize("variant", ["sha3", "fnv"])
@pytest.mark.parametrize("tries", [0, 7, 10, 11, 250, 1234])
def test_tries_are_counted_exactly(variant: Variant, tries: int) -> None:
    array = array_of(variant)
    with pytest.raises(Problem) as caught:
        solve(variant, Challenge("0.5", "00000000"), array, max_tries=tries)
    assert caught.value.kind is Kind.PROOF_TOO_HARD
    assert caught.value.code == "proof_too_hard"
    assert caught.value.step == "proof"


def test_a_solution_beyond_the_tries_is_not_found() -> None:
    challenge = Challenge("0.42", "00ffff")  # solved at 469, as known
    with pytest.raises(Problem):
        solve("fnv", challenge, known_array("fnv", 0), max_tries=469)
    assert solve("fnv", challenge, known_array("fnv", 0), max_tries=470)


@pytest.mark.parametrize("variant", ["sha3", "fnv"])
def test_the_deadline_ends_the_search(variant: Variant) -> None:
    looks = iter([False, False, True])
    with pytest.raises(Problem) as caught:
        solve(
            variant, Challenge("0.5", "000000000"), array_of(variant), deadline=lambda: next(looks)
        )
    assert caught.value.kind is Kind.PROOF_TOO_HARD
    assert list(looks) == []


@pytest.mark.parametrize("difficulty", ["0fffff", "0f", "10", "ffffff"])
def test_what_one_try_in_sixteen_solves_is_easy(difficulty: str) -> None:
    assert easy(Challenge("0.5", difficulty))


@pytest.mark.parametrize("difficulty", ["", "0effff", "00ffff", "0003ff"])
def test_what_takes_more_tries_is_not(difficulty: str) -> None:
    assert not easy(Challenge("0.5", difficulty))


@pytest.mark.parametrize("difficulty", ["0FFFFF", "xyz", "0f f", "-1", "0x0f", "\u0660"])
@pytest.mark.parametrize("variant", ["sha3", "fnv"])
def test_a_difficulty_that_is_no_hex_is_garbage(variant: Variant, difficulty: str) -> None:
    with pytest.raises(Problem) as caught:
        solve(variant, Challenge("0.5", difficulty), array_of(variant))
    assert caught.value.code == "proof_unreadable"
    assert difficulty not in caught.value.message


@pytest.mark.parametrize(
    ("difficulty", "limit", "refused"),
    [
        ("000032", "000032", True),
        ("000031", "000032", True),
        ("000033", "000032", False),
        ("05fbd8", "000032", False),
        ("00003", "000032", True),
        ("00000a", "00000A", True),
        ("000001", "", False),
        ("", "000032", False),
    ],
)
def test_the_limit_is_compared_as_text(difficulty: str, limit: str, refused: bool) -> None:
    assert too_hard(Challenge("0.5", difficulty), limit) is refused
