"""Packed bodies, whatever the pieces they come in."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.transport.unpack import NotPacked, unpacked

CUTS = st.lists(st.integers(1, 400), max_size=6)


def pieces(whole: bytes, sizes: Sequence[int]) -> list[bytes]:
    """The whole in pieces of these sizes, the rest as one."""
    found = []
    for size in sizes:
        found.append(whole[:size])
        whole = whole[size:]
    return [one for one in (*found, whole) if one]


def read(body: Sequence[bytes], packing: str) -> list[bytes]:
    async def source() -> AsyncIterator[bytes]:
        for one in body:
            yield one

    async def run() -> list[bytes]:
        return [one async for one in unpacked(source(), packing)]

    return asyncio.run(run())


@given(st.binary(max_size=2000), CUTS, st.sampled_from(["gzip", "x-gzip", "GZIP ", "deflate"]))
def test_what_was_packed_comes_out(plain: bytes, sizes: list[int], packing: str) -> None:
    packed = zlib.compress(plain) if packing == "deflate" else gzip.compress(plain)

    assert b"".join(read(pieces(packed, sizes), packing)) == plain


@given(st.binary(max_size=500), CUTS, st.data())
def test_a_part_of_it_is_never_taken_for_the_whole(
    plain: bytes, sizes: list[int], data: st.DataObject
) -> None:
    packed = gzip.compress(plain)
    part = packed[: data.draw(st.integers(1, len(packed) - 1))]

    with pytest.raises(NotPacked):
        read(pieces(part, sizes), "gzip")


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 512 * 1024, 512 * 1024 + 1, 20_000_000])
def test_little_that_holds_much_comes_out_bit_by_bit(size: int) -> None:
    found = read([gzip.compress(bytes(size))], "gzip")

    assert sum(map(len, found)) == size
    assert max(map(len, found), default=0) <= 256 * 1024


def test_an_answer_without_a_body_is_packed_in_no_way() -> None:
    assert read([], "gzip") == []


@pytest.mark.parametrize("packing", ["br", "zstd", "gzip, gzip", "identity"])
def test_a_packing_that_is_not_known_goes_through(packing: str) -> None:
    assert read([b"as it ", b"came"], packing) == [b"as it ", b"came"]
