"""The gateway's own limits: ``stop`` and ``max_tokens``, the same however the text is cut."""

import itertools
from collections.abc import Callable, Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat2api_core.limits import MAX_SEGMENT, Limiter, limiter_for
from chat2api_core.turn import (
    CallDelta,
    CallStarted,
    Citation,
    Delta,
    Finished,
    MessageBegun,
    Picture,
    ReasoningDelta,
    RefusalDelta,
    Sampling,
    Started,
    TextDelta,
    Usage,
)
from chat2api_core.usage.estimate import estimate


def words(text: str) -> int:
    return len(text.split())


def letters(text: str) -> int:
    return len(text)


def never(text: str) -> int:
    raise AssertionError(f"counted {text!r}")


def limiter(
    *stop: str, max_tokens: int | None = None, count: Callable[[str], int] = words
) -> Limiter:
    made = limiter_for(Sampling(max_tokens=max_tokens, stop=stop), count)
    assert made is not None
    return made


def text_of(deltas: Iterable[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def run(stage: Limiter, pieces: Iterable[str]) -> list[Delta]:
    """Everything that comes out of ``pieces`` and a good end."""
    out: list[Delta] = []
    for piece in pieces:
        out += stage.feed(TextDelta(piece))
    return out + list(stage.feed(Finished("stop", "c", "m")))


def cut_at(text: str, places: Iterable[int]) -> list[str]:
    cuts = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(cuts)]


def test_without_a_limit_there_is_no_stage() -> None:
    assert limiter_for(Sampling(temperature=1), words) is None
    assert limiter_for(Sampling(stop=("x",)), words) is not None
    assert limiter_for(Sampling(max_tokens=1), words) is not None


# ------------------------------------------------------------------------------------------- stop

# Per case: the stop sequences, then steps of a piece in and exactly what must come out of it.
Steps = list[tuple[str, list[str]]]
STOPPING: list[tuple[str, tuple[str, ...], Steps, bool]] = [
    ("text that cannot be a stop sequence leaves at once", ("END",),
     [("one ", ["one "]), ("two", ["two"])], False),
    ("the stop sequence itself is not shown", ("END",),
     [("one END two", ["one "])], True),
    ("what may be the start of a stop sequence is held back", ("END",),
     [("one E", ["one "]), ("N", []), ("D", [])], True),
    ("what turned out not to be one is shown", ("END",),
     [("one E", ["one "]), ("N", []), ("T", ["ENT"])], False),
    ("a start within a start is held on", ("aab",),
     [("a", []), ("a", []), ("a", ["a"]), ("b", [])], True),
    ("the sequence that is complete first wins", ("abcd", "bc"),
     [("xabcd", ["xa"])], True),
    ("of two complete at once the longer wins", ("bc", "abc"),
     [("xabc", ["x"])], True),
    ("all that was held is shown if only its tail may stop", ("bcd", "abx"),
     [("ab", []), ("c", ["a"]), ("d", [])], True),
    ("line ends can stop", ("\n\n",),
     [("one\n", ["one"]), ("two", ["\ntwo"]), ("\n\n", [])], True),
    ("a stop sequence of one character is never held", (".",),
     [("one", ["one"]), (" two. three", [" two"])], True),
    ("signs of regular expressions are taken as they are", ("[.*]", "(?"),
     [("a", ["a"]), ("[.", []), ("*]", [])], True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "stops", "steps", "stopped"), STOPPING, ids=lambda v: str(v)[:60])
def test_stopping_step_by_step(
    name: str, stops: tuple[str, ...], steps: Steps, stopped: bool
) -> None:
    stage = limiter(*stops)
    for piece, expected in steps:
        out = list(stage.feed(TextDelta(piece)))
        shown = [delta for delta in out if not isinstance(delta, Finished)]
        assert shown == [TextDelta(text) for text in expected], name
    assert stage.done is stopped


@pytest.mark.parametrize(("name", "stops", "steps", "stopped"), STOPPING, ids=lambda v: str(v)[:60])
def test_stopping_is_the_same_for_every_place_of_a_cut(
    name: str, stops: tuple[str, ...], steps: Steps, stopped: bool
) -> None:
    text = "".join(piece for piece, _ in steps)
    whole = text_of(run(limiter(*stops), [text]))
    assert text_of(run(limiter(*stops), text)) == whole, name
    for place in range(len(text)):
        assert text_of(run(limiter(*stops), [text[:place], text[place:]])) == whole, name


def test_a_chunk_that_is_not_touched_is_passed_on_as_the_same_object() -> None:
    stage = limiter("END", max_tokens=100)
    delta = TextDelta("hello ")
    (out,) = stage.feed(delta)
    assert out is delta


def stopped_text(text: str, stops: Iterable[str]) -> str:
    """The rule, on the whole text: it ends as soon as it ends in a stop sequence."""
    for end in range(1, len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            return text[: end - max(map(len, found))]
    return text


few_letters = st.text(alphabet="abé\n", max_size=24)


@given(
    few_letters,
    st.lists(st.text(alphabet="abé\n", min_size=1, max_size=5), min_size=1, max_size=4),
    st.lists(st.integers(0), max_size=8),
)
@example("aabaabaac", ["aabaac"], [1, 2, 3, 4, 5, 6, 7])
def test_stopping_follows_the_rule_however_the_text_is_cut(
    text: str, stops: list[str], places: list[int]
) -> None:
    out = run(limiter(*stops), cut_at(text, places))
    assert text_of(out) == stopped_text(text, stops)
    assert [delta for delta in out if isinstance(delta, Finished)] == out[-1:]


@given(
    few_letters, st.lists(st.text(alphabet="abé\n", min_size=1, max_size=5), min_size=1, max_size=4)
)
def test_no_more_is_held_than_may_become_a_stop_sequence(text: str, stops: list[str]) -> None:
    stage = limiter(*stops)
    shown = ""
    for end, char in enumerate(text, 1):
        shown += text_of(stage.feed(TextDelta(char)))
        if stage.done:
            return
        held = text[len(shown) : end]
        assert held == "" or any(stop.startswith(held) and stop != held for stop in stops)


# ------------------------------------------------------------------------------------- max_tokens


def test_nothing_is_counted_while_there_are_no_more_bytes_than_tokens_allowed() -> None:
    stage = limiter(max_tokens=10, count=never)
    assert text_of(run(stage, ["12345", "67", "é", "!"])) == "1234567é!"


def test_text_is_only_counted_where_its_bytes_could_make_the_difference() -> None:
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return words(text)

    run(limiter(max_tokens=8, count=count), ["one ", "two ", "three ", "four ", "5 ", "6 ", "7 "])
    assert counted == [
        "one two three",  # the first 13 bytes are more than 8 tokens might be: 3 of them are
        "one two three four 5",  # 3 and the 5 and 2 bytes since then are less than 8 no more
        "one two three four 5 6 7",
    ]


def test_text_of_exactly_the_limit_ends_as_it_ended_upstream() -> None:
    out = run(limiter(max_tokens=3), ["one two", " three"])
    assert text_of(out) == "one two three"
    assert out[-1] == Finished("stop", "c", "m")


def test_text_beyond_the_limit_is_cut_and_the_answer_ends_early() -> None:
    stage = limiter(max_tokens=3)
    out = list(stage.feed(Started("m", "conv", message_id="m-1")))
    for piece in ("one two", " three", " four", " five"):
        out += stage.feed(TextDelta(piece))
    assert text_of(out) == "one two three "
    assert out[-1] == Finished("length", "conv", "m-1")
    assert stage.done


def test_a_word_is_cut_at_the_last_code_point_that_fits() -> None:
    assert text_of(run(limiter(max_tokens=8, count=letters), ["one ", "two three"])) == "one two "
    stage = limiter(max_tokens=5, count=lambda text: len(text.encode()))
    assert text_of(run(stage, ["aé木木"])) == "aé"  # another one would be bytes 4 to 6


def test_a_limit_within_the_first_word_leaves_its_start() -> None:
    assert text_of(run(limiter(max_tokens=1, count=letters), ["one two"])) == "o"


def test_a_limit_that_the_end_reveals_ends_the_answer_as_too_long() -> None:
    out = run(limiter(max_tokens=2), ["one two", " three"])
    assert text_of(out) == "one two "
    assert out[-1] == Finished("length", "c", "m")


def test_the_usage_of_the_upstream_is_kept_when_the_end_is_cut() -> None:
    stage = limiter(max_tokens=1)
    usage = Usage(1, 2)
    out = [*stage.feed(TextDelta("one two")), *stage.feed(Finished("stop", "c", "m", usage))]
    assert out[-1] == Finished("length", "c", "m", usage)


def test_a_stop_sequence_within_the_limit_ends_the_answer_as_stopped() -> None:
    out = run(limiter("END", max_tokens=2), ["one two END three"])
    assert text_of(out) == "one two "
    assert out[-1] == Finished("stop")


def test_a_stop_sequence_beyond_the_limit_comes_too_late() -> None:
    out = run(limiter("END", max_tokens=2), ["one two three END"])
    assert text_of(out) == "one two "
    assert out[-1] == Finished("length")


def test_a_text_without_blanks_does_not_wait_for_one() -> None:
    stage = limiter(max_tokens=10, count=lambda text: len(text) // 100)
    shown = ""
    for fed in range(1, 1000):
        shown += text_of(stage.feed(TextDelta("x")))
        assert fed - len(shown) <= MAX_SEGMENT
    assert text_of([*stage.close()]) == "x" * (999 - len(shown))


def limited_text(text: str, limit: int, count: Callable[[str], int]) -> str:
    """The rule, on the whole text: the longest start that has no more tokens than allowed."""
    lengths = range(len(text), -1, -1)
    return next(text[:length] for length in lengths if count(text[:length]) <= limit)


prose = st.text(alphabet="ab é木\uff0c\n\t/", max_size=40)


@given(prose, st.integers(1, 12), st.lists(st.integers(0), max_size=8))
@example("a b", 1, [1])
@example("a" * 600 + " b c", 300, [])
def test_letters_are_limited_by_the_rule_however_the_text_is_cut(
    text: str, limit: int, places: list[int]
) -> None:
    out = run(limiter(max_tokens=limit, count=letters), cut_at(text, places))
    assert text_of(out) == limited_text(text, limit, letters)
    assert out[-1] == Finished("stop" if len(text) <= limit else "length", *end_ids(out))


def end_ids(out: list[Delta]) -> tuple[str, str]:
    """The ids of an early end are those of ``Started``, of which there is none here."""
    end = out[-1]
    assert isinstance(end, Finished)
    return end.conversation_id, end.message_id


sentences = st.lists(st.text(alphabet="abcé木", min_size=1, max_size=6), max_size=30).map(" ".join)


@given(sentences, st.integers(1, 20), st.lists(st.integers(0), max_size=8))
def test_words_are_limited_by_the_rule_however_the_text_is_cut(
    text: str, limit: int, places: list[int]
) -> None:
    out = run(limiter(max_tokens=limit, count=words), cut_at(text, places))
    assert text_of(out) == limited_text(text, limit, words)


@given(
    st.lists(sentences | prose, max_size=60).map("\n".join),
    st.integers(1, 200),
    st.lists(st.integers(0), max_size=8),
    st.sampled_from([(), ("ab",), ("\n", "木 ")]),
)
def test_the_estimate_is_kept_and_does_not_depend_on_the_cuts(
    text: str, limit: int, places: list[int], stops: tuple[str, ...]
) -> None:
    whole = text_of(run(limiter(*stops, max_tokens=limit, count=estimate), [text]))
    cut = text_of(run(limiter(*stops, max_tokens=limit, count=estimate), cut_at(text, places)))
    assert cut == whole
    assert text.startswith(whole)
    assert estimate(whole) <= limit + 1  # blocks and rounding


def test_a_long_answer_is_counted_in_blocks_and_not_again_and_again() -> None:
    counted = 0

    def count(text: str) -> int:
        nonlocal counted
        counted += len(text)
        return words(text)

    text = "word " * 20_000
    out = run(
        limiter(max_tokens=15_000, count=count),
        (text[at : at + 7] for at in range(0, len(text), 7)),
    )
    assert text_of(out) == ("word " * 15_000)
    assert counted < 3 * len(text)


# ------------------------------------------------------------------------------ all other deltas


def test_what_is_not_text_passes_at_once_and_is_not_searched() -> None:
    stage = limiter("END", max_tokens=1)
    others: list[Delta] = [
        Started("m", "c"),
        ReasoningDelta("one two three END"),
        RefusalDelta("one two three END"),
        CallStarted(0, "id", "END"),
        CallDelta(0, "END"),
        Picture("END"),
    ]
    for delta in others:
        assert list(stage.feed(delta)) == [delta]


def test_a_stop_sequence_is_found_across_other_deltas() -> None:
    stage = limiter("END")
    out = [*stage.feed(TextDelta("one EN")), *stage.feed(ReasoningDelta("hm"))]
    out += stage.feed(TextDelta("D two"))
    assert out == [TextDelta("one "), ReasoningDelta("hm"), Finished("stop")]


def test_a_citation_waits_for_the_text_it_points_at() -> None:
    stage = limiter("END")
    shown, held = Citation(0, 4, "u", "t"), Citation(4, 7, "u", "t")
    out = list(stage.feed(TextDelta("one EN")))
    assert [*out, *stage.feed(shown), *stage.feed(held)] == [TextDelta("one "), shown]
    assert list(stage.feed(TextDelta("T"))) == [TextDelta("ENT"), held]


def test_a_citation_past_the_cut_is_dropped() -> None:
    stage = limiter("END")
    out = [*stage.feed(Citation(0, 4, "kept", "")), *stage.feed(Citation(0, 5, "dropped", ""))]
    out += stage.feed(TextDelta("one END"))
    assert out == [TextDelta("one "), Citation(0, 4, "kept", ""), Finished("stop")]


def test_a_citation_past_a_limit_that_the_end_reveals_is_dropped() -> None:
    stage = limiter(max_tokens=1)
    out = [*stage.feed(TextDelta("one two")), *stage.feed(Citation(4, 7, "dropped", ""))]
    out += stage.feed(Finished("stop"))
    assert text_of(out) == "one "
    assert not [delta for delta in out if isinstance(delta, Citation)]


def test_a_good_end_releases_text_and_citations_that_waited() -> None:
    stage = limiter("END")
    citation = Citation(50, 60, "beyond", "")
    out = [*stage.feed(TextDelta("one E")), *stage.feed(citation)]
    out += stage.feed(Finished("content_filter", "c", "m"))
    assert out == [
        TextDelta("one "),
        TextDelta("E"),
        citation,
        Finished("content_filter", "c", "m"),
    ]


def test_after_the_end_everything_is_ignored() -> None:
    stage = limiter("END")
    list(stage.feed(TextDelta("END")))
    assert stage.done
    assert list(stage.feed(TextDelta("x"))) == []
    assert list(stage.feed(Finished("stop"))) == []
    assert list(stage.close()) == []


def test_an_answer_that_breaks_off_loses_no_text() -> None:
    stage = limiter("END")
    assert [*stage.feed(TextDelta("one E")), *stage.close()] == [TextDelta("one "), TextDelta("E")]
    stage = limiter(max_tokens=4, count=words)
    out = [*stage.feed(TextDelta("one two three")), *stage.close()]
    assert text_of(out) == "one two three"


def test_a_message_begins_after_the_text_before_it_although_some_of_it_waited() -> None:
    stage = limiter("STOP")
    out = list(stage.feed(TextDelta("One ST")))
    out += stage.feed(MessageBegun("final_answer"))
    out += stage.feed(TextDelta("op. Two"))
    assert out == [
        TextDelta("One "), TextDelta("ST"), MessageBegun("final_answer"), TextDelta("op. Two"),
    ]  # fmt: skip


def test_a_message_begins_at_once_where_nothing_waits() -> None:
    stage = limiter("STOP")
    assert list(stage.feed(TextDelta("One."))) == [TextDelta("One.")]
    assert list(stage.feed(MessageBegun())) == [MessageBegun()]


def test_a_message_that_begins_past_the_cut_does_not_begin() -> None:
    stage = limiter("STOP")
    out = [*stage.feed(TextDelta("One ST")), *stage.feed(MessageBegun())]
    out += stage.feed(TextDelta("OP Two"))
    assert out == [TextDelta("One "), Finished("stop")]
