"""Proofs of work, against the vectors of the protocol."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.emulator.proof import check_proof, check_requirements, fnv, sha3
from tests.emulator.browser import DEVICE, UA, array_a, array_b, pack, solve

SEED = "0.42"


@pytest.mark.parametrize(
    ("text", "b", "a"),
    [
        ("", "ab3e7c0b", "a69f73cca23a9ac5"),
        ("a", "1a80b1b3", "697f2d856172cb83"),
        ("hello", "888d766e", "75d527c368f2efe8"),
        ("0.5abc", "3f75bd87", "e2e2e85ca0cbaa2e"),
    ],
)
def test_the_hashes_are_those_of_the_protocol(text: str, b: str, a: str) -> None:
    assert fnv(text) == b
    assert sha3(text)[:16] == a


@pytest.mark.parametrize(
    ("nonce", "digest"),
    [(0, "8d5521143a38f3d3"), (6, "0365a0fb656e187f"), (50, "00effae6766e43d6")],
)
def test_the_worked_array_of_variant_a_gives_the_worked_digests(nonce: int, digest: str) -> None:
    assert sha3(SEED + pack(array_a(nonce)))[:16] == digest


@pytest.mark.parametrize(("nonce", "digest"), [(0, "223436f8"), (5, "0bc29ea7"), (469, "0075f3d5")])
def test_the_worked_array_of_variant_b_gives_the_worked_digests(nonce: int, digest: str) -> None:
    assert fnv(SEED + pack(array_b(nonce))) == digest


@pytest.mark.parametrize(
    ("variant", "difficulty", "good", "bad"),
    [("a", "0fffff", 6, 5), ("a", "00ffff", 50, 6), ("b", "0fffff", 5, 4), ("b", "00ffff", 469, 5)],
)
def test_a_proof_counts_from_the_first_nonce_that_solves_it(
    variant: str, difficulty: str, good: int, bad: int
) -> None:
    def proof(nonce: int) -> str:
        if variant == "b":
            return f"gAAAAAB{pack(array_b(nonce))}~S"
        return f"gAAAAAB{pack(array_a(nonce))}"

    assert check_proof(proof(good), SEED, difficulty, UA, DEVICE) is None
    reason = check_proof(proof(bad), SEED, difficulty, UA, DEVICE)
    assert reason is not None
    assert "above the difficulty" in reason


def test_the_seed_is_part_of_what_is_hashed() -> None:
    proof = solve(SEED, "00ffff")
    assert check_proof(proof, SEED, "00ffff", UA, DEVICE) is None
    assert check_proof(proof, "0.43", "00ffff", UA, DEVICE) is not None


def test_a_difficulty_in_capital_letters_is_the_same_difficulty() -> None:
    assert check_proof(solve(SEED, "0fffff"), SEED, "0FFFFF", UA, DEVICE) is None


def test_the_shortest_known_array_of_variant_a_is_taken() -> None:
    answer = next(
        answer
        for nonce in range(500)
        if sha3(SEED + (answer := pack(array_a(nonce)[:15])))[:6] <= "0fffff"
    )
    assert check_proof(f"gAAAAAB{answer}", SEED, "0fffff", UA, DEVICE) is None


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        ("", "gAAAAAB"),
        (solve(SEED, "0fffff").replace("gAAAAAB", "gAAAAAC"), "gAAAAAB"),
        ("gAAAAABwQ8Lk5FbGpA2NcR9dShT6gYjU7VxZ4DImUi~S", "fallback"),
        ("gAAAAABwQ8Lk5FbGpA2NcR9dShT6gYjU7VxZ4DIjAuNDIi", "fallback"),
        ("gAAAAAB~S", "not base64"),
        ("gAAAAAB!!!!", "not base64"),
        ("gAAAAAB\u00e9", "not base64"),
        (f"gAAAAAB{pack([1, 2, 3])}~S", "15, 18 or 25"),
        (f"gAAAAAB{base64.b64encode(b'{}').decode()}", "15, 18 or 25"),
        (f"gAAAAAB{base64.b64encode(b'[' * 3).decode()}", "15, 18 or 25"),
        ("gAAAAAB" + "A" * 20_000, "15, 18 or 25"),
        (solve(SEED, "0fffff", user_agent="other"), "User-Agent"),
        (solve(SEED, "0fffff", "a", user_agent="other"), "User-Agent"),
        (solve(SEED, "0fffff").removesuffix("~S"), "suffix"),
        (solve(SEED, "0fffff", device="other"), "OAI-Device-Id"),
    ],
)
def test_a_bad_proof_is_refused_with_its_reason(proof: str, reason: str) -> None:
    assert reason in (check_proof(proof, SEED, "0fffff", UA, DEVICE) or "")


def test_an_array_with_a_device_needs_a_device_in_the_request() -> None:
    assert "OAI-Device-Id" in (check_proof(solve(SEED, "f", device=""), SEED, "f", UA, "") or "")


@pytest.mark.parametrize(
    "text",
    [
        f"gAAAAAC{pack(array_a(0))}",
        f"gAAAAAC{pack(array_a(0)[:15])}",
        f"gAAAAAC{pack(array_a(0))}~S",
        f"gAAAAAC{pack(array_b(1))}~S",
        # Some clients write <, > and & in their escaped forms.
        "gAAAAAC"
        + base64.b64encode(
            json.dumps([*array_a(0)[:15]]).replace("U", "\\u0055").encode()
        ).decode(),
    ],
)
def test_a_requirements_text_of_any_known_form_is_taken(text: str) -> None:
    assert check_requirements(text, UA, DEVICE) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"gAAAAAB{pack(array_b(1))}~S", "gAAAAAC"),
        ("gAAAAAC", "not base64"),
        (f"gAAAAAC{pack(array_a(0)[:17])}", "15, 18 or 25"),
        (f"gAAAAAC{pack(array_a(0, 'other'))}", "User-Agent"),
        (f"gAAAAAC{pack(array_b(1, device='x'))}~S", "OAI-Device-Id"),
        (f"gAAAAAC{pack(array_b(1))}", "suffix"),
    ],
)
def test_a_bad_requirements_text_is_refused_with_its_reason(text: str, reason: str) -> None:
    assert reason in (check_requirements(text, UA, DEVICE) or "")


@given(st.text())
def test_any_text_is_judged_and_never_breaks_the_check(text: str) -> None:
    assert check_requirements(text, UA, DEVICE) is not None
    assert check_proof("gAAAAAB" + text, SEED, "0fffff", UA, DEVICE) is not None


@given(st.lists(st.integers() | st.text() | st.none(), max_size=30))
def test_any_array_is_judged_and_never_breaks_the_check(array: list[object]) -> None:
    assert check_requirements("gAAAAAC" + pack(array), UA, DEVICE) is not None
