"""Local API keys with names and limits, as users write them."""

from typing import Any

import pytest

from chat2api_core.config import SettingsError
from chat2api_core.keys import ApiKey
from chat2api_core.secret import Secret

FULL = """\
- key: sk-ann
  name: Ann
  expires: 2027-01-31
  models: [gpt-5*, o3]
  requests_per_minute: 10
  tokens_per_day: 50000
- key: sk-bob
"""


def test_an_object_says_all_that_a_key_may_be(load_from: Any) -> None:
    ann = ApiKey(Secret("sk-ann"), "Ann", 1_801_440_000, ("gpt-5*", "o3"), 10, 50_000)
    keys = (ann, ApiKey(Secret("sk-bob")))
    assert load_from({"API_KEYS": FULL}).api_keys == keys
    file = "auth:\n  api_keys:\n  " + FULL.replace("\n", "\n  ")
    assert load_from({}, {"/app/conf/app.dev.yaml": file}).api_keys == keys


# 1801440000 is 2027-02-01T00:00:00Z.
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2027-01-31", 1_801_440_000),
        ("2027-02-01T00:00:00Z", 1_801_440_000),
        ("2027-02-01 00:00", 1_801_440_000),
        ("2027-02-01T08:00:00+08:00", 1_801_440_000),
        ("", 0),
    ],
    ids=["a day, to its end", "a moment", "UTC where no zone is given", "a zone", "never"],
)
def test_an_end_is_read_in_every_usual_form(load_from: Any, text: str, seconds: float) -> None:
    (key,) = load_from({"API_KEYS": f'[{{"key": "k", "expires": "{text}"}}]'}).api_keys
    assert key.expires == seconds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{key: k}", "API_KEYS: expected a JSON or YAML list of objects"),
        ("[k]", r"API_KEYS\[0\]: expected an object with a key"),
        ("[{name: Ann}]", r"API_KEYS\[0\]: expected a key"),
        ("[{key: k, rpm: 1}]", r"API_KEYS\[0\]\.rpm: expected a known key \(key, name, expires"),
        ("[{key: k}, {key: j}, {key: k}]", r"API_KEYS\[2\]\.key: expected each key only once"),
        ("[{key: k, expires: soon}]", r"API_KEYS\[0\]\.expires: expected a day such as"),
        ("[{key: k, expires: 9999-12-31}]", r"API_KEYS\[0\]\.expires: expected a day such as"),
        ("[{key: k, models: a b}]", r"API_KEYS\[0\]\.models: expected a model's name"),
        ("[{key: k, tokens_per_day: -1}]", r"API_KEYS\[0\]\.tokens_per_day: expected a whole"),
    ],
)
def test_what_is_wrong_is_said_by_its_place(load_from: Any, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_from({"API_KEYS": text})


def test_no_keys_are_no_mistake(load_from: Any) -> None:
    assert load_from({"API_KEYS": "[]"}).api_keys == ()
    assert load_from({"API_KEYS": "~"}).api_keys == ()
