"""A history that was made short, in the words of the vocabulary."""

import pytest

from chat2api_core.compaction import compaction, is_compacted, is_compaction
from chat2api_core.turn import Message, Part, Reasoning, Text


def test_it_is_known_by_its_id_whatever_it_was_called() -> None:
    assert compaction("AA", "cmp_1") == Reasoning("cmp_1", (), "AA")
    assert compaction("AA") == compaction("AA", "rs_1") == Reasoning("cmp_", (), "AA")


@pytest.mark.parametrize(
    ("part", "expected"),
    [(compaction("AA"), True), (Reasoning("rs_1", (), "AA"), False), (Text("cmp_"), False)],
)
def test_a_thought_is_none_and_a_text_neither(part: Part, expected: bool) -> None:
    assert is_compaction(part) is expected
    assert is_compacted((Message("user", (Text("Hi"),)), Message("assistant", (part,)))) is expected
