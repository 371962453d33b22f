"""Who may call: the rules of the door, in their order."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import AnonymousCaller, PoolCaller, TokenCaller
from chat2api_core.config import Settings
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.web.auth import identify

JWT = "eyJhbGciOi.eyJleHAi.sig"
TEAM = "11111111-aaaa-4bbb-8ccc-222222222222"
OTHER = "22222222-aaaa-4bbb-8ccc-222222222222"
SESSION = "eyJhbGciOiJkaXIi..aXY.Y2lwaGVy.dGFn"
KEYS = (Secret("sk-one"), Secret("sk-two"), Secret("sk-three"))
CLOSED = Settings(auth_tokens=KEYS)
OPEN = Settings(auth_tokens=KEYS, allow_upstream_tokens=True)
PREFIXED = Settings(access_token_prefixes=(Secret("px-"), Secret("px-long-")))
BARE = Settings(allow_upstream_tokens=True)


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def refusal(headers: Mapping[str, str], settings: Settings) -> str:
    with pytest.raises(Problem) as caught:
        identify(headers, settings)
    problem = caught.value
    assert problem.kind is Kind.INVALID_API_KEY
    assert (problem.status, problem.code, problem.step) == (401, "invalid_api_key", "auth")
    return problem.message


@pytest.mark.parametrize(
    "headers",
    [
        bearer("sk-two"),
        {"authorization": "bearer sk-two"},
        {"authorization": "BEARER   sk-two "},
        {"x-api-key": "sk-two"},
        {"x-api-key": " sk-two ", "authorization": "Bearer"},
        {"x-api-key": "sk-two", "authorization": "Basic dTpw"},
        {"x-api-key": "sk-other", "authorization": "Bearer sk-two"},
        {**bearer("sk-two"), "chatgpt-account-id": TEAM},
    ],
)
def test_a_local_key_opens_the_pool(headers: Mapping[str, str]) -> None:
    assert identify(headers, CLOSED) == PoolCaller(Secret("sk-two").fingerprint())


@pytest.mark.parametrize("key", ["sk-one", "sk-two", "sk-three"])
def test_every_local_key_is_known_by_its_own_name(key: str) -> None:
    assert identify(bearer(key), CLOSED) == PoolCaller(Secret(key).fingerprint())


@pytest.mark.parametrize("key", [JWT, "px-key", "rt_local", "a,b", "x" * 45])
def test_a_local_key_goes_first_whatever_it_looks_like(key: str) -> None:
    settings = Settings(
        auth_tokens=(Secret(key),),
        access_token_prefixes=(Secret("px-"),),
        allow_upstream_tokens=True,
    )
    assert identify(bearer(key), settings) == PoolCaller(Secret(key).fingerprint())


class CountingKey:
    """A key that counts how often it is compared. Stands in for a ``Secret``."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.compared = 0

    def __eq__(self, other: object) -> bool:
        self.compared += 1
        return isinstance(other, Secret) and other.reveal() == self.value

    __hash__ = object.__hash__

    def fingerprint(self) -> str:
        return self.value


@pytest.mark.parametrize("key", ["sk-0", "sk-1", "sk-2", "sk-wrong"])
def test_every_key_is_compared_found_or_not(key: str) -> None:
    keys = tuple(CountingKey(f"sk-{number}") for number in range(3))
    settings = Settings(auth_tokens=keys)  # type: ignore[arg-type]  # (counts, else a Secret)
    if key == "sk-wrong":
        refusal(bearer(key), settings)
    else:
        assert identify(bearer(key), settings) == PoolCaller(key)
    assert [counting.compared for counting in keys] == [1, 1, 1]


def access(token: str, account_id: str = "") -> TokenCaller:
    return TokenCaller(Account(access_token=Secret(token), account_id=account_id))


@pytest.mark.parametrize(
    ("key", "caller"),
    [
        (f"px-{JWT}", access(JWT)),
        (f"px-long-{JWT}", access(JWT)),
        (f"px-{JWT},{TEAM}", access(JWT, TEAM)),
        ("px-rt_demo", TokenCaller(Account(refresh_token=Secret("rt_demo")))),
        (f"px-{SESSION}", TokenCaller(Account(session_token=Secret(SESSION)))),
        ("px-fk-own", access("fk-own")),
    ],
)
def test_a_private_prefix_passes_the_token_behind_it_through(key: str, caller: TokenCaller) -> None:
    assert identify(bearer(key), PREFIXED) == caller


@pytest.mark.parametrize(
    ("key", "caller"),
    [
        (JWT, access(JWT)),
        (f"{JWT},{TEAM}", access(JWT, TEAM)),
        ("rt_demo.a-b", TokenCaller(Account(refresh_token=Secret("rt_demo.a-b")))),
        ("x" * 45, TokenCaller(Account(refresh_token=Secret("x" * 45)))),
        (f"rt_demo,{TEAM}",
         TokenCaller(Account(refresh_token=Secret("rt_demo"), account_id=TEAM))),
    ],
)  # fmt: skip
def test_a_bare_upstream_token_is_let_in_only_where_that_is_on(
    key: str, caller: TokenCaller
) -> None:
    for settings in (OPEN, BARE):
        assert identify(bearer(key), settings) == caller
        assert identify({"x-api-key": key}, settings) == caller
    for settings in (CLOSED, PREFIXED, Settings(anonymous=True)):
        assert refusal(bearer(key), settings) == (
            "Incorrect API key provided. It looks like a ChatGPT token; this gateway takes none."
        )


def test_the_header_selects_the_workspace_of_a_token() -> None:
    for given_id in (TEAM, f" {TEAM} "):
        headers = {**bearer(JWT), "chatgpt-account-id": given_id}
        assert identify(headers, OPEN) == access(JWT, TEAM)
    headers = {**bearer(f"{JWT},{TEAM}"), "chatgpt-account-id": TEAM}
    assert identify(headers, OPEN) == access(JWT, TEAM)


@pytest.mark.parametrize(
    ("headers", "settings", "words"),
    [
        ({}, CLOSED, "No API key."),
        ({"authorization": ""}, CLOSED, "No API key."),
        ({"authorization": "Bearer "}, CLOSED, "No API key."),
        ({"x-api-key": " "}, CLOSED, "No API key."),
        ({"authorization": "sk-one"}, CLOSED, "does not read 'Bearer <key>'"),
        ({"authorization": "Basic c2stb25l"}, CLOSED, "does not read 'Bearer <key>'"),
        ({"authorization": "Basic c2stb25l"}, Settings(anonymous=True), "does not read"),
        (bearer("sk one"), CLOSED, "blanks or characters"),
        (bearer("schl\xfcssel"), CLOSED, "blanks or characters"),
        (bearer("sk-on"), CLOSED, "Incorrect API key provided."),
        (bearer("sk-onee"), CLOSED, "Incorrect API key provided."),
        (bearer("SK-ONE"), CLOSED, "Incorrect API key provided."),
        (bearer("sk-wrong"), Settings(anonymous=True), "no local key set (AUTH_TOKENS)"),
        (bearer("sk-wrong"), Settings(anonymous=True), "wants no key at all"),
        (bearer("sk-wrong"), Settings(), "no local key set (AUTH_TOKENS)"),
        (bearer("sk-wrong"), OPEN, "Incorrect API key provided."),
        (bearer(SESSION), OPEN, "Incorrect API key provided."),
        (bearer("px-"), PREFIXED, "ends behind its prefix"),
        (bearer(f"px-,{TEAM}"), PREFIXED, "ends behind its prefix"),
        (bearer(f"PX-{JWT}"), PREFIXED, "no local key set (AUTH_TOKENS)"),
        (bearer(f"{JWT},"), OPEN, "malformed"),
        (bearer(f"{JWT},a,b"), OPEN, "malformed"),
        ({**bearer(JWT), "chatgpt-account-id": "a/b"}, OPEN, "malformed"),
        ({**bearer(f"{JWT},{TEAM}"), "chatgpt-account-id": OTHER}, OPEN, "differ"),
    ],
)
def test_a_refusal_says_what_was_wrong(
    headers: Mapping[str, str], settings: Settings, words: str
) -> None:
    assert words in refusal(headers, settings)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer"}, {"x-api-key": ""}])
def test_no_credential_is_enough_only_for_chat_without_login(headers: Mapping[str, str]) -> None:
    assert identify(headers, Settings(anonymous=True)) == AnonymousCaller()
    assert identify(headers, Settings(anonymous=True, auth_tokens=KEYS)) == AnonymousCaller()


HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "authorization": st.text() | st.text().map("Bearer {}".format),
        "x-api-key": st.text(),
        "chatgpt-account-id": st.text(),
    },
)


@given(headers=HEADERS, allowed=st.booleans(), prefixes=st.lists(st.text(), max_size=2))
def test_without_local_keys_nobody_comes_to_the_pool(
    headers: dict[str, str], allowed: bool, prefixes: list[str]
) -> None:
    settings = Settings(
        access_token_prefixes=tuple(Secret(f"p{prefix!a}") for prefix in prefixes),
        allow_upstream_tokens=allowed,
        anonymous=allowed,
    )
    outcome: object
    try:
        outcome = identify(headers, settings)
    except Problem as problem:
        outcome = problem.kind
    assert outcome is Kind.INVALID_API_KEY or isinstance(outcome, TokenCaller | AnonymousCaller)


@given(
    key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6).map(
        "~~{}~~".format
    ),
    shape=st.sampled_from(
        ["{}", "Bearer {}", "Bearer px-{}", "Bearer eyJ.{}", "Bearer eyJ.a.b,{}"]
    ),
    settings=st.sampled_from([CLOSED, OPEN, PREFIXED, BARE]),
)
def test_no_text_that_comes_back_holds_the_key(key: str, shape: str, settings: Settings) -> None:
    headers = {"authorization": shape.format(key), "chatgpt-account-id": key}
    try:
        shown = repr(identify(headers, settings))
    except Problem as problem:
        shown = f"{problem!r} {problem} {problem.message}"
    assert key not in shown.replace(f"account_id={key!r}", "")
