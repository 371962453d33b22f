"""What is owed to a store, and in which batches it is paid."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.stores.debts import Batch, Debts
from tests.fakes import FakeIds


def test_what_was_never_sent_is_gathered_by_its_end() -> None:
    debts = Debts(FakeIds(), 100)
    debts.unsent(Batch({"a": 1, "b": 2}, 60, "one"))
    debts.unsent(Batch({"b": 3}, 60, "two"))
    debts.unsent(Batch({"b": 4}, None, "three"))
    assert len(debts) == 3
    last, first = debts.take(), debts.take()
    assert first is not None
    assert last is not None
    assert (first.amounts, first.ttl) == ({"a": 1, "b": 5}, 60)
    assert (last.amounts, last.ttl) == ({"b": 4}, None)
    assert len({first.once, last.once, "one", "two", "three"}) == 5
    assert debts.take() is None
    assert len(debts) == 0


def test_what_may_have_been_counted_is_paid_first_and_unchanged() -> None:
    debts = Debts(FakeIds(), 100)
    sent = debts.batch({"a": 1}, 60, "mine")
    debts.unsent(Batch({"a": 2}, 60, "other"))
    debts.doubtful(sent)
    assert debts.take() == Batch({"a": 1}, 60, "mine")


def test_beyond_its_bound_counts_are_given_up_and_told_of() -> None:
    debts = Debts(FakeIds(), 3)
    debts.unsent(Batch({"a": 1, "b": 1}, None, "one"))
    debts.unsent(Batch({"a": 1, "c": 1, "d": 1}, None, "two"))
    assert debts.lost == 1
    debts.doubtful(Batch({"e": 1, "f": 1}, None, "three"))
    assert debts.lost == 3
    batch = debts.take()
    assert batch is not None
    assert batch.amounts == {"a": 2, "b": 1, "c": 1}


step = st.tuples(
    st.sampled_from(["unsent", "doubtful", "pay", "fail"]),
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 9), min_size=1),
    st.sampled_from([None, 60.0]),
)


class Ledger:
    """A store that counts each batch once, and what it was meant to have counted."""

    def __init__(self) -> None:
        self.owed = dict.fromkeys("abc", 0)
        self.paid = dict.fromkeys("abc", 0)
        self.seen: set[str] = set()

    def owe(self, amounts: Mapping[str, int]) -> None:
        for key, amount in amounts.items():
            self.owed[key] += amount

    def pay(self, batch: Batch) -> None:
        if batch.once not in self.seen:
            self.seen.add(batch.once)
            for key, amount in batch.amounts.items():
                self.paid[key] += amount


@given(st.lists(step, max_size=30))
def test_everything_owed_is_paid_exactly_once(
    steps: list[tuple[str, dict[str, int], float | None]],
) -> None:
    debts, ledger = Debts(FakeIds(), 1000), Ledger()
    for what, amounts, ttl in steps:
        if what == "unsent":
            ledger.owe(amounts)
            debts.unsent(debts.batch(amounts, ttl))
        elif what == "doubtful":
            ledger.owe(amounts)
            sent = debts.batch(amounts, ttl)
            ledger.pay(sent)  # the store has counted it, and the reply was lost
            debts.doubtful(sent)
        elif (due := debts.take()) is not None:
            ledger.pay(due)
            if what == "fail":
                debts.doubtful(due)
    while (due := debts.take()) is not None:
        ledger.pay(due)
    assert ledger.paid == ledger.owed
