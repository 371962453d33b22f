"""Nothing secret leaves the settings by a text that a human or a log may see."""

import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.config import SettingsError
from chat2api_core.config.table import TABLE

# What no message of ours contains; every secret below does.
MARK = "~qjx~"
VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126)).map(f"{MARK}{{}}".format)
UGLY = st.text().map(f"{MARK}{{}}".format)
VARIABLES = [name for row in TABLE for name in row.names]
SHAPES = [
    "{}",
    "- {}",
    "{}: 1",
    "[{}",
    "'{}",
    "!{} x",
    "auth: {}",
    "auth: *{}",
    "auth: {{}: 1}",
    "auth: {access_tokens: {}}",
    "proxy: '{}'",
    "port: {}\n\tbind: {}",
    "chatgpts:\n- {}",
    "chatgpts:\n- {}: 1",
    "auth:\n  api_keys:\n  - {}: 1",
    "auth:\n  api_keys:\n  - key: x\n    expires: '{}'",
    "chatgpts:\n- access_token: {}\n  type: {}",
]


def everything_said(error: BaseException) -> str:
    """What a log that prints the whole traceback would hold, without the lines of this test."""
    return f"{error} {error!r} {''.join(traceback.format_exception(error))}"


def failure(load_from: Any, *given_: object) -> str:
    try:
        load_from(*given_)
    except SettingsError as error:
        return everything_said(error)
    return ""


@given(secret=VISIBLE)
def test_the_value_prints_no_secret(load_from: Any, secret: str) -> None:
    settings = load_from(
        {
            "AUTH_TOKENS": secret,
            "ADMIN_KEY": secret,
            "API_KEYS": f'[{{"key": "{MARK}"}}]',
            "ACCESS_TOKEN_PREFIXES": secret,
            "CHATGPT_ACCESS_TOKENS": secret,
            "AUTH_KEY": secret,
            "PROXY": f"http://user:{MARK}@host:1",
            "EXPORT_PROXY_URL": f"http://user:{MARK}@host:2",
            "CHATGPT_ACCOUNTS": f'[{{"access_token": "{MARK}", "proxy": "http://u:{MARK}@h"}}]',
        }
    )
    assert settings.auth_tokens[0].reveal().startswith(MARK)
    assert MARK not in f"{settings!r} {settings}"


@given(variable=st.sampled_from(VARIABLES), text=UGLY)
def test_an_error_quotes_no_value_of_a_variable(load_from: Any, variable: str, text: str) -> None:
    assert MARK not in failure(load_from, {variable: text})


@given(shape=st.sampled_from(SHAPES), text=UGLY)
def test_an_error_quotes_nothing_of_the_file(load_from: Any, shape: str, text: str) -> None:
    content = shape.replace("{}", text).encode(errors="surrogatepass")
    assert MARK not in failure(load_from, {}, {"/app/conf/app.dev.yaml": content})


def test_the_shapes_above_really_fail(load_from: Any) -> None:
    for shape in SHAPES:
        if "access_tokens" not in shape:
            assert failure(load_from, {}, {"/app/conf/app.dev.yaml": shape.replace("{}", MARK)})


@pytest.mark.parametrize("variable", sorted({*VARIABLES} - {"LOG_PATH"}))
def test_an_environment_that_is_no_text_is_refused_not_crashed_on(
    load_from: Any, variable: str
) -> None:
    with pytest.raises(SettingsError, match=variable):
        load_from({variable: "[\udcff"})
