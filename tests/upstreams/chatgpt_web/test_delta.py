"""The v1 delta encoding: every operation, every inheritance, and nothing but our error."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.delta import (
    Documents,
    list_of,
    object_of,
    text_of,
)
from chat2api_core.upstreams.chatgpt_web.rope import Rope

Frame = dict[str, object]


def plain(node: object) -> object:
    """A document with its ropes as texts."""
    if isinstance(node, Rope):
        return str(node)
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items()}
    return [plain(value) for value in node] if isinstance(node, list) else node


def reduce(*frames: Frame) -> object:
    """The document that the last frame touched, after all of them."""
    documents = Documents()
    document: object = None
    for frame in frames:
        document = documents.feed(copy.deepcopy(frame))
    return plain(document)


def root(value: object) -> Frame:
    return {"p": "", "o": "add", "v": value, "c": 0}


# name, document before, frames, document after
STEPS: list[tuple[str, object, list[Frame], object]] = [
    ("add sets a key", {}, [{"p": "/a", "o": "add", "v": 1}], {"a": 1}),
    ("add overwrites a key", {"a": 1}, [{"p": "/a", "o": "add", "v": [2]}], {"a": [2]}),
    ("add inserts in a list", {"a": [1, 3]}, [{"p": "/a/1", "o": "add", "v": 2}],
     {"a": [1, 2, 3]}),
    ("add at the length appends", {"a": [1]}, [{"p": "/a/1", "o": "add", "v": 2}], {"a": [1, 2]}),
    ("add at the dash appends", {"a": [1]}, [{"p": "/a/-", "o": "add", "v": 2}], {"a": [1, 2]}),
    ("replace overwrites", {"a": [1, 2]}, [{"p": "/a/0", "o": "replace", "v": 9}], {"a": [9, 2]}),
    ("replace sets what is missing", {}, [{"p": "/a", "o": "replace", "v": 9}], {"a": 9}),
    ("replace at the root is a new document", {"a": 1}, [{"p": "", "o": "replace", "v": {"b": 2}}],
     {"b": 2}),
    ("append lengthens a text", {"a": "x"}, [{"p": "/a", "o": "append", "v": "y"}], {"a": "xy"}),
    ("append extends a list by a list", {"a": [1]}, [{"p": "/a", "o": "append", "v": [2, 3]}],
     {"a": [1, 2, 3]}),
    ("append pushes one value", {"a": [1]}, [{"p": "/a", "o": "append", "v": "x"}],
     {"a": [1, "x"]}),
    ("append merges an object", {"a": {"x": 1, "y": 1}},
     [{"p": "/a", "o": "append", "v": {"y": 2, "z": 3}}], {"a": {"x": 1, "y": 2, "z": 3}}),
    ("append at the root merges the document", {"a": 1}, [{"p": "", "o": "append", "v": {"b": 2}}],
     {"a": 1, "b": 2}),
    ("append sets what is missing", {}, [{"p": "/a", "o": "append", "v": [1]}], {"a": [1]}),
    ("append to null sets", {"a": None}, [{"p": "/a", "o": "append", "v": "x"}], {"a": "x"}),
    ("append at the dash pushes", {"a": []}, [{"p": "/a/-", "o": "append", "v": "x"}],
     {"a": ["x"]}),
    ("remove deletes a key", {"a": 1, "b": 2}, [{"p": "/a", "o": "remove"}], {"b": 2}),
    ("remove deletes an element", {"a": [1, 2, 3]}, [{"p": "/a/1", "o": "remove"}],
     {"a": [1, 3]}),
    ("remove of what is not there is nothing", {"a": {}},
     [{"p": "/a/b", "o": "remove"}, {"p": "/x/y/z"}], {"a": {}}),
    ("remove at the root leaves nothing", {"a": 1}, [{"p": "", "o": "remove"}], {}),
    ("truncate cuts a text", {"a": "hello"}, [{"p": "/a", "o": "truncate", "v": 2}], {"a": "he"}),
    ("truncate cuts a text that grew", {"a": "he"},
     [{"p": "/a", "o": "append", "v": "llo"}, {"o": "truncate", "v": 3}], {"a": "hel"}),
    ("truncate cuts a list", {"a": [1, 2, 3]}, [{"p": "/a", "o": "truncate", "v": 1}], {"a": [1]}),
    ("truncate beyond the end is nothing", {"a": "he"}, [{"p": "/a", "o": "truncate", "v": 9}],
     {"a": "he"}),
    ("truncate of what is not there is nothing", {}, [{"p": "/a/b", "o": "truncate", "v": 1}], {}),
    ("patch applies its changes in order below its path", {"a": {"b": "x"}},
     [{"p": "/a", "o": "patch", "v": [{"p": "/b", "o": "append", "v": "y"},
                                      {"p": "/c", "o": "add", "v": 1},
                                      {"p": "/c", "o": "remove"}]}],
     {"a": {"b": "xy"}}),
    ("a patch may hold a patch", {"a": {"b": {"c": "x"}}},
     [{"p": "/a", "o": "patch", "v": [{"p": "/b", "o": "patch",
                                       "v": [{"p": "/c", "o": "append", "v": "y"}]}]}],
     {"a": {"b": {"c": "xy"}}}),
    ("a patch's change may be of the outer place itself", {"a": "x"},
     [{"p": "/a", "o": "patch", "v": [{"o": "append", "v": "y"}]}], {"a": "xy"}),
    ("a bare list after a patch is one more patch", {"a": "x"},
     [{"p": "", "o": "patch", "v": [{"p": "/a", "o": "append", "v": "y"}]},
      {"v": [{"p": "/a", "o": "append", "v": "z"}]}], {"a": "xyz"}),
    ("changes in a patch leave nothing to inherit", {"a": "x", "b": "x"},
     [{"p": "/a", "o": "append", "v": "1"},
      {"p": "", "o": "patch", "v": [{"p": "/b", "o": "append", "v": "2"}]},
      {"v": [{"p": "/a", "o": "append", "v": "3"}]}], {"a": "x13", "b": "x2"}),
    ("path and operation are inherited", {"a": ""},
     [{"p": "/a", "o": "append", "v": "x"}, {"v": "y"}, {"v": "z"}], {"a": "xyz"}),
    ("the operation alone is inherited", {}, [{"p": "/a", "o": "append", "v": "x"},
                                              {"p": "/b", "v": "y"}], {"a": "x", "b": "y"}),
    ("the path alone is inherited", {"a": "x"}, [{"p": "/a", "o": "append", "v": "y"},
                                                 {"o": "replace", "v": "z"}], {"a": "z"}),
    ("a remove is inherited without a value", {"a": [1, 2, 3]},
     [{"p": "/a/0", "o": "remove"}, {}], {"a": [3]}),
    ("an empty frame is nothing otherwise", {"a": "x"},
     [{"p": "/a", "o": "append", "v": "y"}, {}], {"a": "xy"}),
    ("escapes of a pointer are undone once, in order", {},
     [{"p": "/a~1b/~0c/~01", "o": "add", "v": 1}], {"a/b": {"~c": {"~1": 1}}}),
    ("an empty key is a key", {}, [{"p": "/", "o": "add", "v": 1}], {"": 1}),
    ("missing containers are made by what follows", {},
     [{"p": "/a/0/b/-", "o": "add", "v": 1}], {"a": [{"b": [1]}]}),
    ("null gives way to a container", {"a": None}, [{"p": "/a/b", "o": "add", "v": 1}],
     {"a": {"b": 1}}),
    ("digits of other scripts are keys", {}, [{"p": "/a/²", "o": "add", "v": 1}],
     {"a": {"²": 1}}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "frames", "after"), [step[1:] for step in STEPS], ids=[step[0] for step in STEPS]
)
def test_a_frame_changes_the_document(before: object, frames: list[Frame], after: object) -> None:
    assert reduce(root(before), *frames) == after


def test_before_any_frame_cursor_path_and_operation_are_zero_root_and_add() -> None:
    assert reduce({"v": {"a": 1}}) == {"a": 1}


def test_a_bare_message_opens_a_document_whatever_was_carried() -> None:
    opened = {"message": {"content": {"parts": [""]}}}
    path = "/message/content/parts/0"
    first: list[Frame] = [root(opened), {"p": path, "o": "append", "v": "x"}]
    assert reduce(*first, {"v": opened, "c": 1}) == opened
    # Path and operation stay carried, and so does the new cursor.
    assert reduce(*first, {"v": opened, "c": 1}, {"v": "y"}) == {
        "message": {"content": {"parts": ["y"]}}
    }
    assert reduce(*first, {"v": opened, "c": 1}, {"v": "y"}, {"v": "z", "c": 0}) == {
        "message": {"content": {"parts": ["xz"]}}
    }


def test_a_frame_may_just_choose_a_document() -> None:
    documents = Documents()
    documents.feed({"p": "/a", "o": "add", "v": "one", "c": 3})
    documents.feed({"v": "two", "c": 5})
    assert documents.feed({"c": 3}) == {"a": "one"}
    assert documents.feed({"v": "three"}) == {"a": "three"}
    assert documents.feed({"c": 9}) == {}


def test_a_whole_document_takes_the_place_of_the_current_one() -> None:
    documents = Documents()
    documents.feed({"p": "/message/t", "o": "append", "v": "one", "c": 3})
    documents.put({"message": {"t": "two"}})
    assert plain(documents.feed({"v": "three"})) == {"message": {"t": "twothree"}}


def test_the_tip_is_the_text_that_was_just_appended_to() -> None:
    documents = Documents()
    assert documents.feed(root({"a": "x", "b": []})) is not None
    assert documents.tip is None
    documents.feed({"p": "/a", "o": "append", "v": "y"})
    assert str(documents.tip) == "xy"
    assert documents.carries({"v": "z"})
    assert documents.carries({"c": 0, "p": "/a", "o": "append", "v": "z"})
    assert not documents.carries({"c": 1, "v": "z"})
    assert not documents.carries({"p": "/b", "v": "z"})
    assert not documents.carries({"o": "replace", "v": "z"})
    documents.feed({"p": "/b", "v": "z"})
    assert documents.tip is None


REFUSED: list[tuple[str, Frame]] = [
    ("an unknown operation", {"p": "/a", "o": "move", "v": 1}),
    ("an operation that is no text", {"p": "/a", "o": ["add"], "v": 1}),
    ("a cursor that is no number", {"c": "0", "v": 1}),
    ("a cursor that is a truth value", {"c": True, "v": 1}),
    ("a path that is no text", {"p": 1, "o": "add", "v": 1}),
    ("a path that does not begin at the root", {"p": "a", "o": "add", "v": 1}),
    ("a path of a thousand steps", {"p": "/a" * 1000, "o": "add", "v": 1}),
    ("a path through a text", {"p": "/s/x", "o": "add", "v": 1}),
    ("a path deep through a text", {"p": "/s/x/y", "o": "add", "v": 1}),
    ("an index far outside", {"p": "/l/99999999999999999999", "o": "add", "v": 1}),
    ("an index outside", {"p": "/l/2", "o": "add", "v": 1}),
    ("an index outside on the way", {"p": "/l/7/a", "o": "add", "v": 1}),
    ("a removal outside", {"p": "/l/5", "o": "remove"}),
    ("a word where an index must be", {"p": "/l/x", "o": "replace", "v": 1}),
    ("a number appended to a text", {"p": "/s", "o": "append", "v": 1}),
    ("a text appended to a number", {"p": "/n", "o": "append", "v": "x"}),
    ("a text merged in an object", {"p": "/d", "o": "append", "v": "x"}),
    ("a truncation by a text", {"p": "/s", "o": "truncate", "v": "1"}),
    ("a truncation below nothing", {"p": "/s", "o": "truncate", "v": -1}),
    ("a truncation of a number", {"p": "/n", "o": "truncate", "v": 1}),
    ("a change without a value", {"p": "/n", "o": "add"}),
    ("a document that is a text", {"p": "", "o": "add", "v": "x"}),
    ("a patch that is no list", {"p": "", "o": "patch", "v": {"p": "/a"}}),
    ("a patch of no objects", {"p": "", "o": "patch", "v": ["x"]}),
    ("a patch without operations", {"p": "", "o": "patch", "v": [{"p": "/a", "v": 1}]}),
    ("a patch without a value", {"p": "", "o": "patch", "v": [{"p": "/a", "o": "add"}]}),
    ("a patch with an unknown operation", {"p": "", "o": "patch", "v": [{"o": "x", "v": 1}]}),
    ("a patch too deep in a path",
     {"p": "/a" * 40, "o": "patch", "v": [{"p": "/a" * 40, "o": "add", "v": 1}]}),
]  # fmt: skip


@pytest.mark.parametrize("frame", [case[1] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_cannot_be_applied_is_refused(frame: Frame) -> None:
    with pytest.raises(Problem) as caught:
        reduce(root({"s": "text", "n": 1, "l": [1], "d": {}}), frame)
    assert caught.value.kind is Kind.GARBAGE
    assert caught.value.step == "stream"


def test_patches_within_patches_have_an_end() -> None:
    change: Frame = {"o": "add", "p": "/a", "v": 1}
    for _ in range(20):
        change = {"o": "patch", "v": [change]}
    with pytest.raises(Problem):
        reduce({"p": "", **change})


def test_what_is_not_of_the_type_reads_as_empty() -> None:
    assert text_of(3) == ""
    assert object_of("x") == {}
    assert list_of(None) == []


# --------------------------------------------------------------- the same, written the plain way


def reference(frames: list[Frame]) -> dict[int, object]:
    """A reducer that follows the rules one by one and cares for nothing else. Its documents are
    copied on every step; a frame that cannot be applied raises anything."""
    carried: Frame = {"c": 0, "p": "", "o": "add"}
    documents: dict[int, object] = {}
    for frame in frames:
        opens = "p" not in frame and "o" not in frame
        carried |= {key: frame[key] for key in ("c", "p", "o") if key in frame}
        cursor, path, operation = carried["c"], carried["p"], carried["o"]
        assert isinstance(cursor, int)
        assert isinstance(path, str)
        assert isinstance(operation, str)
        value = copy.deepcopy(frame.get("v"))
        if opens and isinstance(value, dict) and "message" in value:
            documents[cursor] = value
        else:
            documents[cursor] = change(documents.get(cursor, {}), split(path), operation, value)
        assert isinstance(documents[cursor], dict)
    return documents


def split(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def change(node: object, path: list[str], operation: str, value: object) -> object:  # noqa: C901, PLR0911, PLR0912, PLR0915 (the rules in one place)
    """The node as it is after one operation somewhere below it; None stands for nothing."""
    if operation == "patch":
        assert isinstance(value, list)
        for one in value:
            assert isinstance(one, dict)
            assert "v" in one or one["o"] == "remove"
            node = change(node, path + split(one.get("p", "")), one["o"], one.get("v"))
        return node
    if len(path) <= 1 and operation == "truncate":
        assert isinstance(value, int)
    if not path:
        if operation in {"add", "replace"}:
            return value
        if operation == "remove":
            return {}
        if operation == "truncate":
            assert isinstance(node, str | list | None)
            return node if node is None else node[: int(str(value))]
        if node is None:
            return value
        if isinstance(node, dict):
            assert isinstance(value, dict)
            return {**node, **value}
        if isinstance(node, list):
            return node + (value if isinstance(value, list) else [value])
        assert isinstance(node, str)
        assert isinstance(value, str)
        return node + value
    key, rest = path[0], path[1:]
    if node is None:
        if operation in {"remove", "truncate"}:
            return None
        node = [] if key == "-" or key.isdigit() else {}
    if isinstance(node, dict):
        if not rest and operation == "remove":
            return {name: one for name, one in node.items() if name != key}
        if node.get(key) is None and operation in {"remove", "truncate"}:
            return node
        return {**node, key: change(node.get(key), rest, operation, value)}
    assert isinstance(node, list)
    index = len(node) if key == "-" else int(key)
    assert index <= len(node)
    if not rest and operation == "add":
        return [*node[:index], value, *node[index:]]
    if not rest and operation == "remove":
        return node[:index] + node[index + 1 :]
    old = node[index] if index < len(node) else None
    if old is None and operation in {"remove", "truncate"}:
        return node
    return [*node[:index], change(old, rest, operation, value), *node[index + 1 :]]


KEYS = st.sampled_from(["a", "b", "a", "0", "1", "-", "~1", "~0x"])
PATHS = st.lists(KEYS, max_size=3).map(lambda keys: "".join(f"/{key}" for key in keys))
VALUES = st.recursive(
    st.none() | st.text("xyz", max_size=4) | st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab01"), inner),
    max_leaves=6,
)
OPERATIONS = st.sampled_from(["add", "replace", "append", "append", "append", "remove", "truncate"])
CHANGES = st.fixed_dictionaries({"p": PATHS, "o": OPERATIONS, "v": VALUES})
FRAMES = st.one_of(
    st.fixed_dictionaries({"v": st.text("xyz", max_size=4)}),
    st.fixed_dictionaries(
        {"v": VALUES},
        optional={"p": PATHS, "o": OPERATIONS, "c": st.integers(0, 2)},
    ),
    st.fixed_dictionaries(
        {"p": PATHS, "o": st.just("patch"), "v": st.lists(CHANGES, max_size=3)},
    ),
    st.fixed_dictionaries({"v": st.just({"message": {"a": "x"}}), "c": st.integers(0, 2)}),
)


@settings(deadline=None)
@given(st.lists(FRAMES, max_size=12))
def test_it_agrees_with_a_plain_reducer(frames: list[Frame]) -> None:
    """As far as the plain one comes: a frame that it cannot apply must be refused here as well."""
    documents = Documents()
    touched: dict[int, object] = {}
    cursor = 0
    for count, frame in enumerate(frames, start=1):
        given_cursor = frame.get("c", cursor)
        assert isinstance(given_cursor, int)
        cursor = given_cursor
        try:
            expected = reference(frames[:count])
        except (AssertionError, KeyError, TypeError, ValueError):
            with pytest.raises(Problem):
                documents.feed(copy.deepcopy(frame))
            return
        touched[cursor] = documents.feed(copy.deepcopy(frame))
        assert plain(touched) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["p", "o", "v", "c", "message"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["p", "o", "v", "c"]), JSON | PATHS | OPERATIONS)))
def test_garbage_gives_only_a_problem(frames: list[Frame]) -> None:
    documents = Documents()
    raised: Problem | None = None
    try:
        for frame in frames:
            json.dumps(plain(documents.feed(frame)))
    except Problem as problem:
        raised = problem
    assert raised is None or raised.kind is Kind.GARBAGE
