"""A stage: one pure step of the way up, from bytes of the upstream to bytes for the client.

A stage is fed items and hands out what is certain by then; ``close`` says that no more items come
and hands out the rest. It does no I/O and reads no clock, no environment and no randomness, so the
same items give the same results however they were cut. What cannot be right is raised as a
``Problem``, by ``feed`` or by ``close``.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)


class Stage(Protocol[In_contra, Out_co]):
    """``feed`` items, then ``close`` once. After ``close`` a stage is not used again."""

    def feed(self, item: In_contra, /) -> Iterable[Out_co]: ...

    def close(self) -> Iterable[Out_co]: ...
