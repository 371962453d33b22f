"""How long answers took, as counts in a few buckets: cheap to add up, good for a median. Pure."""

from collections.abc import Sequence

# The upper ends in milliseconds; one more bucket holds what took longer. They are part of what
# stores hold: another row of numbers needs other names for its counters.
BOUNDS = (250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 40_000, 80_000)
BUCKETS = len(BOUNDS) + 1


def bucket_of(milliseconds: int) -> int:
    """The place of the bucket that this time belongs into."""
    return sum(milliseconds > bound for bound in BOUNDS)


def quantile(counts: Sequence[int], part: float) -> int:
    """The time in milliseconds below which this part (0 to 1) of the answers stayed, spread evenly
    within its bucket; 0 of none. The last bucket has no end: its start stands for it."""
    wanted = part * sum(counts)
    low = below = 0
    for bound, count in zip(BOUNDS, counts, strict=False):
        if count and below + count >= wanted:
            return round(low + (bound - low) * (wanted - below) / count)
        below += count
        low = bound
    return low if below < sum(counts) else 0
