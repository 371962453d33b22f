"""Malformed calls as models write them, each with what has to come of it.

``corpus/malformed.json``: what the model wrote (``MARK`` stands for the marker), the calls and the
text that are handed out, and the faults that the model is asked to put right. An entry without
faults is repaired without asking again.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

if TYPE_CHECKING:
    from tests.toolcalls.conftest import Listen

CORPUS = Path(__file__).parent / "corpus" / "malformed.json"


class Entry(msgspec.Struct):
    name: str
    text: str
    calls: list[tuple[str, dict[str, object] | str]]
    prose: str
    faults: list[tuple[str, str]]
    sent: str = ""


ENTRIES = msgspec.json.decode(CORPUS.read_bytes(), type=list[Entry])


def test_the_corpus_is_large_and_most_of_it_is_repaired_without_asking_again() -> None:
    repaired = sum(not entry.faults for entry in ENTRIES)

    assert len(ENTRIES) >= 180
    assert repaired / len(ENTRIES) > 0.85
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_malformed_call_gives_what_the_corpus_says(listen: "Listen", entry: Entry) -> None:
    heard = listen(entry.text)

    made = [call for call in heard.calls if not entry.sent or call is not heard.calls[-1]]
    assert [call.name for call in made] == [name for name, _ in entry.calls]
    for call, (_, expected) in zip(made, entry.calls, strict=True):
        got = call.arguments if isinstance(expected, str) else json.loads(call.arguments)
        assert got == expected
    assert heard.text == entry.prose
    assert [fault.kind for fault in heard.faults] == [kind for kind, _ in entry.faults]
    for fault, (_, message) in zip(heard.faults, entry.faults, strict=True):
        assert message in fault.message
        assert fault.sent == entry.sent


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_malformed_call_gives_the_same_however_it_is_cut(listen: "Listen", entry: Entry) -> None:
    whole = listen(entry.text)

    for size in (1, 2, 3, 7):
        assert listen(entry.text, size) == whole
