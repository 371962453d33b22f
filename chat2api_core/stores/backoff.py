"""How long to wait before trying again what others were faster at. Pure.

In: chance. Out: pauses, a bounded number of them. The one rule: who lost a race together does not
run the next one together, so each pause is anything between nothing and its bound; the bounds
double up to ``LONGEST``.
"""

from collections.abc import Callable, Iterator

FIRST = 0.02  # seconds
LONGEST = 0.5
TRIES = 9


def pauses(chance: Callable[[], float]) -> Iterator[float]:
    """The pauses in seconds between ``TRIES`` tries: together 1.1 on the average, and less than the
    patience of whoever waits for the store. ``chance`` gives numbers from 0 to below 1."""
    bound = FIRST
    for _ in range(TRIES - 1):
        yield bound * chance()
        bound = min(2 * bound, LONGEST)
