"""Proofs of work as the web backend checks them. Pure.

Input: the texts that a client sends (``p`` of the requirements call, the proof of a finalize call
or header) and what was issued. Output: None if all is well, or the reason why not, in words.
The rule: what the client computed is computed again; its word is never taken.

Two variants, told apart by the length of the array inside: 15 or 18 elements are hashed with
SHA3-512, 25 elements with a 32-bit FNV-1a that ends in a mix and carry the suffix ``~S``.
"""

import base64
import binascii
import hashlib

import msgspec

REQUIREMENTS_PREFIX = "gAAAAAC"
PROOF_PREFIX = "gAAAAAB"
# What clients send when they gave up, followed by an error text.
FALLBACK = "wQ8Lk5FbGpA2NcR9dShT6gYjU7VxZ4D"
SUFFIX = "~S"

_SHA3_LENGTHS = (15, 18)
_FNV_LENGTH = 25
_USER_AGENT, _DEVICE = 4, 14
_MAX_TEXT = 16 * 1024
_WORD = 0xFFFFFFFF


def fnv(text: str) -> str:
    """The 32-bit hash of variant B, as 8 hex digits. ``text`` is ASCII."""
    value = 2166136261
    for byte in text.encode("latin-1"):
        value = (value ^ byte) * 16777619 & _WORD
    value ^= value >> 16
    value = value * 2246822507 & _WORD
    value ^= value >> 13
    value = value * 3266489909 & _WORD
    value ^= value >> 16
    return f"{value:08x}"


def sha3(text: str) -> str:
    """The hash of variant A, as 128 hex digits."""
    return hashlib.sha3_512(text.encode()).hexdigest()


def check_requirements(text: str, user_agent: str, device: str) -> str | None:
    """Why the ``p`` of a requirements call is bad, None if it is good."""
    if not text.startswith(REQUIREMENTS_PREFIX):
        return "p does not start with gAAAAAC"
    array = _array(text[len(REQUIREMENTS_PREFIX) :])
    if array is None:
        return "p is not base64 of a JSON list of 15, 18 or 25 elements"
    return _check_array(array, text, user_agent, device)


def check_proof(text: str, seed: str, difficulty: str, user_agent: str, device: str) -> str | None:
    """Why a proof for this seed and difficulty is bad, None if it is good."""
    if not text.startswith(PROOF_PREFIX):
        return "the proof does not start with gAAAAAB"
    answer = text[len(PROOF_PREFIX) :].removesuffix(SUFFIX)
    if answer.startswith(FALLBACK):
        return "the proof is the client's fallback: no answer was found"
    array = _array(answer)
    if array is None:
        return "the proof is not base64 of a JSON list of 15, 18 or 25 elements"
    reason = _check_array(array, text, user_agent, device)
    if reason is not None:
        return reason
    digest = fnv(seed + answer) if len(array) == _FNV_LENGTH else sha3(seed + answer)
    if digest[: len(difficulty)] > difficulty.lower():
        return f"the hash {digest[: len(difficulty)]} is above the difficulty {difficulty}"
    return None


def _check_array(array: list[object], text: str, user_agent: str, device: str) -> str | None:
    if array[_USER_AGENT] != user_agent:
        return "element 4 is not the User-Agent of the request"
    if len(array) != _FNV_LENGTH:
        return None
    if not text.endswith(SUFFIX):
        return "a list of 25 elements needs the suffix ~S"
    if not device or array[_DEVICE] != device:
        return "element 14 is not the OAI-Device-Id of the request"
    return None


def _array(text: str) -> list[object] | None:
    """The config array, None if it cannot be one."""
    if len(text) > _MAX_TEXT:
        return None
    try:
        raw = base64.b64decode(text.removesuffix(SUFFIX), validate=True)
        array = msgspec.json.decode(raw, type=list[object])
    except (binascii.Error, ValueError):  # msgspec's errors are ValueErrors
        return None
    return array if len(array) in (*_SHA3_LENGTHS, _FNV_LENGTH) else None
