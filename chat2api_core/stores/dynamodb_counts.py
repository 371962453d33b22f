"""Many counters of a DynamoDB table in one transaction. Pure.

In: counters and what to add to each; then the reasons for which DynamoDB would not do it. Out: the
body of TransactWriteItems, made anew after each refusal. The one rule: a batch is written whole or
not at all, and its mark (an entry of its own) is written with it, so that it never counts twice.
(The operation's own ClientRequestToken would not do: it is good for the very same request only, and
for ten minutes; a batch is written anew after a refusal, and maybe by the next process.)

Whether a counter lives is not known beforehand. Each is first taken to live ("go on"); one that
does not is begun in the next try, and the other way round. One that can do neither holds a value.
Operation, limits and reasons as in the Amazon DynamoDB API reference, version 2012-08-10.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from chat2api_core.stores.base import NotACounter

AT_ONCE = 99
"""Counters in one transaction, which takes a hundred writes; the mark is one."""

Write: TypeAlias = dict[str, dict[str, object]]
Verdict: TypeAlias = Literal["counted", "again", "contended"]

_FAILED = "ConditionalCheckFailed"
_IMPOSSIBLE = "ValidationError"  # adding to what is no number, or beyond what a number can be
_CONTENDED = frozenset({"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"})


class CountBatch:
    """Up to ``AT_ONCE`` counters. ``begun`` and ``gone_on`` make the two writes of a counter, and
    ``mark`` is the write of the batch's name, None for a batch without one."""

    def __init__(
        self,
        begun: Mapping[str, Write],
        gone_on: Mapping[str, Write],
        mark: Write | None,
    ) -> None:
        self._begun = begun
        self._gone_on = gone_on
        self._mark = mark
        self._begins: set[str] = set()
        self._flips: dict[str, int] = dict.fromkeys(begun, 0)

    @property
    def writes(self) -> list[Write]:
        """The writes to try next."""
        made = [(self._begun if key in self._begins else self._gone_on)[key] for key in self._flips]
        return made if self._mark is None else [*made, self._mark]

    def refused(self, reasons: Sequence[str]) -> Verdict:
        """What the refusal means, by the reason for each of the writes. Raises ``NotACounter``."""
        if self._mark is not None and reasons[-1:] == [_FAILED]:
            return "counted"
        if _IMPOSSIBLE in reasons:
            raise NotACounter("DynamoDB cannot add to one of these keys.")
        failed = [key for key, why in zip(self._flips, reasons, strict=False) if why == _FAILED]
        for key in failed:
            self._begins ^= {key}
            self._flips[key] += 1
            # Twice can be somebody else, who began it in between; a third time is no accident.
            if self._flips[key] > 2:  # noqa: PLR2004 (said above)
                raise NotACounter("A key of these holds a value, not a counter.")
        return "contended" if _CONTENDED & {*reasons} or not failed else "again"
