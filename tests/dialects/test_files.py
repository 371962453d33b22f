"""OpenAI's Files API: parameters and documents."""

import json

import pytest

from chat2api_core.dialects.files import (
    FileObject,
    Listing,
    Upload,
    deleted,
    page_of,
    read_listing,
    read_upload,
    shown,
)
from chat2api_core.problem import Problem

FILES = [
    FileObject(id=f"file-{n}", bytes=n, created_at=n, filename=f"{n}.csv", purpose=purpose)
    for n, purpose in ((3, "vision"), (2, "user_data"), (1, "vision"))
]


def test_a_file_is_shown_with_every_field() -> None:
    file = FileObject(id="file-1", bytes=140, created_at=17, filename="a.csv", purpose="user_data")
    assert json.loads(shown(file)) == {
        "id": "file-1", "object": "file", "bytes": 140, "created_at": 17, "expires_at": None,
        "filename": "a.csv", "purpose": "user_data", "status": "processed",
        "status_details": None,
    }  # fmt: skip
    assert json.loads(deleted("file-1")) == {"id": "file-1", "object": "file", "deleted": True}


def test_an_upload_says_its_purpose_and_perhaps_its_end() -> None:
    assert read_upload({"purpose": "assistants"}) == Upload("assistants")
    ends = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "2592000"}
    assert read_upload({"purpose": "vision", **ends}) == Upload("vision", 2_592_000)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "purpose"),
        ({"purpose": "evals"}, "purpose"),
        ({"purpose": "user_data", "x" * 100: ""}, "x" * 64),
        ({"purpose": "user_data", "expires_after[seconds]": "3600"}, "expires_after[anchor]"),
        *(
            (
                {
                    "purpose": "user_data",
                    "expires_after[anchor]": "created_at",
                    "expires_after[seconds]": seconds,
                },
                "expires_after[seconds]",
            )
            for seconds in ("", "3599", "2592001", "x", "-1", "9" * 5000, "\u0663600")
        ),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(fields: dict[str, str], param: str) -> None:
    with pytest.raises(Problem) as caught:
        read_upload(fields)
    assert caught.value.param == param


def ids(body: bytes) -> list[str]:
    return [one["id"] for one in json.loads(body)["data"]]


def test_a_list_is_cut_into_pages() -> None:
    first = page_of(FILES, Listing(limit=2))
    assert json.loads(first) | {"data": []} == {
        "object": "list", "data": [], "first_id": "file-3", "last_id": "file-2", "has_more": True,
    }  # fmt: skip
    assert ids(first) == ["file-3", "file-2"]
    assert ids(page_of(FILES, Listing(after="file-2"))) == ["file-1"]
    assert ids(page_of(FILES, Listing(order="asc"))) == ["file-1", "file-2", "file-3"]
    assert ids(page_of(FILES, Listing(purpose="vision"))) == ["file-3", "file-1"]
    nothing = json.loads(page_of([], Listing()))
    assert (nothing["data"], nothing["first_id"], nothing["has_more"]) == ([], None, False)
    with pytest.raises(Problem, match="after"):
        page_of(FILES, Listing(after="file-9"))


@pytest.mark.parametrize(
    ("query", "listing"),
    [
        ({}, Listing()),
        ({"limit": "1", "order": "asc", "purpose": "x", "after": "y"}, Listing("x", "y", 1, "asc")),
        ({"limit": "10000", "order": "desc"}, Listing()),
    ],
)
def test_the_parameters_of_a_list_are_read(query: dict[str, str], listing: Listing) -> None:
    assert read_listing(query) == listing


@pytest.mark.parametrize(
    ("query", "param"),
    [
        *(
            ({"limit": limit}, "limit")
            for limit in ("", "0", "-1", "10001", "x", "9" * 5000, "\u0661")
        ),
        ({"order": "up"}, "order"),
    ],
)
def test_others_are_refused(query: dict[str, str], param: str) -> None:
    with pytest.raises(Problem) as caught:
        read_listing(query)
    assert caught.value.param == param
