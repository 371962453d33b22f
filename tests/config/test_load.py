"""Where values come from, which source wins, and what is told about the rest."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chat2api_core import __version__
from chat2api_core.accounts.account import Account
from chat2api_core.config import Settings, SettingsError, load
from chat2api_core.config.table import TABLE
from chat2api_core.keys import ApiKey
from chat2api_core.secret import Secret
from chat2api_core.stores.choose import MemoryChoice, RedisChoice, SqliteChoice

DEV = "/app/conf/app.dev.yaml"


def secrets(*texts: str) -> tuple[Secret, ...]:
    return tuple(map(Secret, texts))


def test_an_empty_environment_gives_the_documented_defaults(load_from: Any) -> None:
    settings = load_from()
    store = SqliteChoice(".data/chat2api.db")
    assert settings == Settings(allow_upstream_tokens=True, store=store)
    assert settings.base_urls == ("https://chatgpt.com",)
    assert settings.auth_url == "https://auth.openai.com"
    assert settings.user_agent == f"Mozilla/5.0 (compatible; chat2api/{__version__})"
    assert (settings.bind, settings.port, settings.env) == ("127.0.0.1", 3040, "dev")
    assert (settings.pow_difficulty, settings.retry_times) == ("000032", 3)
    assert settings.history_disabled
    assert settings.random_token
    assert not settings.anonymous
    assert settings.platform == "local"
    assert settings.config_file is None


# One example a setting: variable, text, field, value. Every variable of the table stands here.
GIVEN = [
    ("AUTH_TOKENS", "sk-a, sk-b;sk-c\nsk-d", "auth_tokens",
     secrets("sk-a", "sk-b", "sk-c", "sk-d")),
    ("AUTHORIZATION", "sk-a", "auth_tokens", secrets("sk-a")),
    ("ACCESS_TOKEN_PREFIXES", "p1-,p2-", "access_token_prefixes", secrets("p1-", "p2-")),
    ("ACCESS_TOKEN_PREFIX", "p1-", "access_token_prefixes", secrets("p1-")),
    ("ALLOW_UPSTREAM_TOKENS", "off", "allow_upstream_tokens", False),
    ("API_KEYS", '[{"key": "sk-a", "name": "Ann"}]', "api_keys",
     (ApiKey(Secret("sk-a"), "Ann"),)),
    ("ADMIN_KEY", "adm-1", "admin_key", Secret("adm-1")),
    ("ANONYMOUS", "TRUE", "anonymous", True),
    ("CHATGPT_ACCESS_TOKENS", "eyJ.at.sig", "accounts",
     (Account(access_token=Secret("eyJ.at.sig")),)),
    ("CHATGPT_ACCOUNTS", '[{"refresh_token": "rt_demo"}]', "accounts",
     (Account(refresh_token=Secret("rt_demo")),)),
    ("UPSTREAM", "codex", "upstream", "codex"),
    ("MODEL_ALIASES", "a = b; gpt-4o*=web/auto", "model_aliases",
     (("a", "b"), ("gpt-4o*", "web/auto"))),
    ("MAX_FILE", "5000000", "max_file", 5_000_000),
    ("IMAGE_TIMEOUT", "90", "image_timeout", 90.0),
    ("MEDIA_TTL", "600", "media_ttl", 600.0),
    ("PUBLIC_URL", "https://chat.example/", "public_url", "https://chat.example"),
    ("RANDOM_TOKEN", "no", "random_token", False),
    ("RETRY_TIMES", "0", "retry_times", 0),
    ("ENABLE_LIMIT", "yes", "enable_limit", True),
    ("ACCOUNT_CONCURRENCY", "2", "account_concurrency", 2),
    ("STORE_URL", "sqlite:/data/x.db", "store", SqliteChoice("/data/x.db")),
    ("SECRET_KEY", "0123456789abcdef", "secret_key", Secret("0123456789abcdef")),
    ("SCHEDULED_REFRESH", "true", "scheduled_refresh", True),
    ("CRON_SECRET", "tick", "cron_secret", Secret("tick")),
    ("CHATGPT_BASE_URL", "https://a.example/x/, http://b:8080", "base_urls",
     ("https://a.example/x", "http://b:8080")),
    ("CHATGPT_AUTH_URL", "https://login.example/", "auth_url", "https://login.example"),
    ("AUTH_KEY", "gate-key", "auth_key", Secret("gate-key")),
    ("PROXY", "http://u:p@h:1,socks5h://h", "proxies", secrets("http://u:p@h:1", "socks5h://h")),
    ("PROXY_URL", "https://h", "proxies", secrets("https://h")),
    ("EXPORT_PROXY_URL", "socks5://h:1080", "export_proxy", Secret("socks5://h:1080")),
    ("USER_AGENT", "curl/8 (x)", "user_agent", "curl/8 (x)"),
    ("HTTP_BACKEND", "AioHTTP", "http_backend", "aiohttp"),
    ("CONNECT_TIMEOUT", "2.5", "connect_timeout", 2.5),
    ("READ_TIMEOUT", "60", "read_timeout", 60.0),
    ("CHATGPT_PROTOCOL", "legacy", "chatgpt_protocol", "legacy"),
    ("CONVERSATION_ONLY", "1", "conversation_only", True),
    ("HISTORY_DISABLED", "false", "history_disabled", False),
    ("MAX_CONTINUES", "5", "max_continues", 5),
    ("USAGE_COUNTER", "estimate", "usage_counter", "estimate"),
    ("RESPONSES_TTL", "3600", "responses_ttl", 3600.0),
    ("ANSWER_TIMEOUT", "120", "answer_timeout", 120.0),
    ("TOOL_RETRIES", "2", "tool_retries", 2),
    ("TOOL_RETRY_TIME", "5", "tool_retry_time", 5.0),
    ("POW_ALGORITHM", "fnv", "pow_algorithm", "fnv"),
    ("POW_DIFFICULTY", "0003FF", "pow_difficulty", "0003ff"),
    ("POW_TIMEOUT", "1", "pow_timeout", 1.0),
    ("UPLOAD_BY_URL", "true", "upload_by_url", True),
    ("API_PREFIX", "private/", "api_prefix", "/private"),
    ("CORS_ORIGINS", "https://App.example, *", "cors_origins", ("https://app.example", "*")),
    ("HEARTBEAT", "0", "heartbeat", 0.0),
    ("MAX_BODY", "5000", "max_body", 5000),
    ("MODELS_TTL", "0", "models_ttl", 0.0),
    ("BIND", "::1", "bind", "::1"),
    ("PORT", "0", "port", 0),
    ("LOG_LEVEL", "WARN", "log_level", "warning"),
    ("LOG_PATH", "/var/log/x", "log_path", Path("/var/log/x")),
    ("LOG_FILE", "x.log", "log_file", "x.log"),
    ("ENV", "prod", "env", "prod"),
    ("VERCEL_CONFIG_FILE", "my.yaml", "config_file", Path("/app/my.yaml")),
]  # fmt: skip


@pytest.mark.parametrize(("variable", "text", "field", "value"), GIVEN, ids=[g[0] for g in GIVEN])
def test_each_variable_sets_its_field(
    load_from: Any, variable: str, text: str, field: str, value: object
) -> None:
    settings = load_from({variable: text}, {"/app/my.yaml": ""})
    assert getattr(settings, field) == value
    assert type(getattr(settings, field)) is type(value)


def test_the_examples_above_cover_the_table() -> None:
    assert {given[0] for given in GIVEN} == {name for row in TABLE for name in row.names}


def test_every_field_is_set_by_a_row_or_is_worked_out() -> None:
    rows = {row.field for row in TABLE}
    assert set(Settings.__struct_fields__) - rows == {"platform", "notices"}


# A value that does not fit, one or more a setting.
BAD = [
    ("AUTH_TOKENS", "sk-a,sk b"),
    ("AUTH_TOKENS", "schlüssel"),
    ("API_KEYS", '[{"key": "sk b"}]'),
    ("ADMIN_KEY", "two words"),
    ("ALLOW_UPSTREAM_TOKENS", "maybe"),
    ("CHATGPT_ACCESS_TOKENS", "two words"),
    ("CHATGPT_ACCOUNTS", '{"access_token": "x"}'),
    ("CHATGPT_ACCOUNTS", "[{]"),
    ("RETRY_TIMES", "21"),
    ("ACCOUNT_CONCURRENCY", "-1"),
    ("SECRET_KEY", "too-short"),
    ("CRON_SECRET", "two words"),
    ("STORE_URL", "mysql://h"),
    ("RETRY_TIMES", "-1"),
    ("RETRY_TIMES", "three"),
    ("CHATGPT_BASE_URL", "chatgpt.com"),
    ("CHATGPT_BASE_URL", "https://user:pass@chatgpt.com"),
    ("CHATGPT_BASE_URL", "https://chatgpt.com?x=1"),
    ("CHATGPT_BASE_URL", "https://chatgpt.com#x"),
    ("CHATGPT_AUTH_URL", "https://a.example,https://b.example"),
    ("CHATGPT_AUTH_URL", "https://[::1"),
    ("PROXY", "h:1080"),
    ("PROXY", "ftp://h"),
    ("PROXY", "socks5://h:99999"),
    ("PROXY", "http://h:0"),
    ("PROXY", "http://h/path"),
    ("PROXY", "http://h?x"),
    ("PROXY", "http://h h"),
    ("PROXY_URL", "http://"),
    ("MODEL_ALIASES", "gpt-4o"),
    ("MODEL_ALIASES", "=auto"),
    ("MODEL_ALIASES", "gpt-4o="),
    ("MODEL_ALIASES", "a*b=auto"),
    ("MODEL_ALIASES", "a=b*"),
    ("MODEL_ALIASES", "a=b=c"),
    ("USER_AGENT", "two\nlines"),
    ("USER_AGENT", "naïve"),
    ("HTTP_BACKEND", "curl"),
    ("CONNECT_TIMEOUT", "0"),
    ("CONNECT_TIMEOUT", "inf"),
    ("CONNECT_TIMEOUT", "nan"),
    ("READ_TIMEOUT", "2m"),
    ("POW_DIFFICULTY", "0x32"),
    ("POW_DIFFICULTY", "0" * 17),
    ("API_PREFIX", "a b"),
    ("API_PREFIX", "../x"),
    ("CORS_ORIGINS", "https://a.example/path"),
    ("CORS_ORIGINS", "a.example"),
    ("MAX_BODY", "20MB"),
    ("BIND", "a b"),
    ("PORT", "65536"),
    ("LOG_LEVEL", "loud"),
    ("LOG_PATH", "a\0b"),
    ("LOG_FILE", "a/b"),
    ("ENV", "../../etc/passwd"),
    ("VERCEL_CONFIG_FILE", "missing.yaml"),
]


@pytest.mark.parametrize(("variable", "text"), BAD)
def test_a_bad_value_fails_with_the_name_and_what_was_expected(
    load_from: Any, variable: str, text: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_from({variable: text})
    assert caught.value.variable.startswith(variable)
    assert str(caught.value) == f"{caught.value.variable}: expected {caught.value.expected}"
    assert len(caught.value.expected) > 3
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("text", "prefix"),
    [("/", ""), ("x", "/x"), ("/x", "/x"), ("/x/y/", "/x/y"), (" x.1~_-/ ", "/x.1~_-")],
)
def test_a_path_prefix_may_be_written_with_or_without_slashes(
    load_from: Any, text: str, prefix: str
) -> None:
    assert load_from({"API_PREFIX": text}).api_prefix == prefix


def test_a_bad_value_reads_as_a_sentence(load_from: Any) -> None:
    with pytest.raises(SettingsError, match=r"^RETRY_TIMES: expected a whole number from 0 to 20$"):
        load_from({"RETRY_TIMES": "many"})


def test_the_name_that_was_given_is_the_one_complained_about(load_from: Any) -> None:
    with pytest.raises(SettingsError, match=r"^PROXY_URL: "):
        load_from({"PROXY_URL": "nonsense"})


def test_blank_text_is_no_setting(load_from: Any) -> None:
    environ = {name: "  " for row in TABLE for name in row.names}
    assert load_from(environ) == load_from()


def test_the_canonical_name_wins_and_the_other_is_told_of(load_from: Any) -> None:
    settings = load_from({"AUTHORIZATION": "sk-other", "AUTH_TOKENS": "sk-first"})
    assert settings.auth_tokens == secrets("sk-first")
    assert settings.notices == ("AUTHORIZATION is ignored: AUTH_TOKENS is set.",)


def test_a_setting_with_an_effect_is_no_news(load_from: Any) -> None:
    settings = load_from({"EXPORT_PROXY_URL": "http://h", "UPLOAD_BY_URL": "true"})
    assert settings.notices == ()


def test_a_sign_in_that_is_given_for_two_upstreams_serves_the_first(load_from: Any) -> None:
    accounts = '[{"access_token": "a"}, {"access_token": "a", "type": "codex"}]'
    settings = load_from({"CHATGPT_ACCOUNTS": accounts})
    assert [account.type for account in settings.accounts] == ["web"]
    assert settings.notices == (
        "An account of type codex is ignored: the same sign-in is given as one of type web.",
    )


def test_a_sign_in_that_is_given_twice_alike_is_no_news(load_from: Any) -> None:
    settings = load_from(
        {"CHATGPT_ACCESS_TOKENS": "a", "CHATGPT_ACCOUNTS": '[{"access_token": "a"}]'}
    )
    assert (len(settings.accounts), settings.notices) == (1, ())


@pytest.mark.parametrize("name", ["auto", "web", "codex"])
def test_the_upstream_is_one_of_ours_or_chosen(load_from: Any, name: str) -> None:
    settings = load_from({"UPSTREAM": name})
    assert (settings.upstream, settings.notices) == (name, ())


@pytest.mark.parametrize(
    ("environ", "allowed"),
    [
        ({}, True),
        ({"AUTH_TOKENS": ","}, True),
        ({"AUTH_TOKENS": "sk-a"}, False),
        ({"API_KEYS": "[{key: sk-a}]"}, False),
        ({"ACCESS_TOKEN_PREFIXES": "p-"}, True),
        ({"AUTH_TOKENS": "sk-a", "ALLOW_UPSTREAM_TOKENS": "true"}, True),
        ({"ALLOW_UPSTREAM_TOKENS": "false"}, False),
    ],
)
def test_upstream_tokens_are_allowed_by_default_only_without_local_keys(
    load_from: Any, environ: dict[str, str], allowed: bool
) -> None:
    assert load_from(environ).allow_upstream_tokens is allowed


@pytest.mark.parametrize(
    ("environ", "platform", "max_body"),
    [
        ({}, "local", 20_000_000),
        ({"VERCEL_REGION": "dev1", "VERCEL_URL": "localhost:3000"}, "local", 20_000_000),
        ({"VERCEL": "1"}, "vercel", 4_500_000),
        ({"VERCEL_ENV": "production"}, "vercel", 4_500_000),
        ({"AWS_LAMBDA_FUNCTION_NAME": "chat2api-api"}, "lambda", 6_000_000),
        ({"VERCEL": "1", "MAX_BODY": "1000"}, "vercel", 1_000),
    ],
)
def test_the_platform_is_known_by_its_variables(
    load_from: Any, environ: dict[str, str], platform: str, max_body: int
) -> None:
    settings = load_from(environ)
    assert (settings.platform, settings.max_body) == (platform, max_body)


FILE = """\
log_level: DEBUG
bind: 0.0.0.0
port: 8080
log_path: /var/log
log_file: gateway.log
auth:
  access_tokens: [sk-file, "with,comma"]
  access_token_prefix: p-
proxy: http://u:p@proxy:1
chatgpt_base_url: https://mirror.example
chatgpts:
  - access_token: eyJ.file.sig
"""


def test_the_file_of_the_environment_is_read_if_it_is_there(load_from: Any) -> None:
    settings = load_from(files={DEV: FILE})
    assert settings.config_file == Path(DEV)
    assert settings.log_level == "debug"
    assert (settings.bind, settings.port) == ("0.0.0.0", 8080)
    assert (settings.log_path, settings.log_file) == (Path("/var/log"), "gateway.log")
    assert settings.auth_tokens == secrets("sk-file", "with,comma")
    assert settings.access_token_prefixes == secrets("p-")
    assert settings.proxies == secrets("http://u:p@proxy:1")
    assert settings.base_urls == ("https://mirror.example",)
    assert [account.access_token.reveal() for account in settings.accounts] == ["eyJ.file.sig"]
    assert not settings.allow_upstream_tokens
    assert load_from({"ENV": "x"}, {"/app/conf/app.x.yaml": "port: 1"}).port == 1
    assert load_from({"ENV": "x"}, {DEV: "port: 1"}).port == 3040


def test_the_environment_wins_over_the_file_without_a_word(load_from: Any) -> None:
    settings = load_from(
        {"AUTH_TOKENS": "sk-env", "PORT": "99"}, {DEV: "port: 1\nauth: {access_tokens: sk-f}"}
    )
    assert settings.auth_tokens == secrets("sk-env")
    assert settings.port == 99
    assert settings.notices == ()


def test_accounts_of_all_sources_add_up_and_the_same_one_counts_once(load_from: Any) -> None:
    settings = load_from(
        {
            "CHATGPT_ACCESS_TOKENS": "tok-a,tok-b",
            "CHATGPT_ACCOUNTS": "- {access_token: tok-b, email: late}\n- access_token: tok-c",
        },
        {DEV: "chatgpts:\n- access_token: tok-d\n- access_token: tok-a\n  account_id: team"},
    )
    found = [(account.access_token.reveal(), account.account_id) for account in settings.accounts]
    assert found == [("tok-a", ""), ("tok-b", ""), ("tok-c", ""), ("tok-d", ""), ("tok-a", "team")]
    assert settings.accounts[1].email == ""


@pytest.mark.parametrize("platform", ["VERCEL", "AWS_LAMBDA_FUNCTION_NAME"])
def test_serverless_platforms_read_only_the_explicit_file(load_from: Any, platform: str) -> None:
    files = {DEV: "port: 1", "/app/mine.yaml": "port: 2"}
    assert load_from({platform: "x"}, files).port == 3040
    assert load_from({platform: "x"}, files).config_file is None
    assert load_from({platform: "x", "VERCEL_CONFIG_FILE": "mine.yaml"}, files).port == 2


def test_the_explicit_file_stands_in_for_the_default_one(load_from: Any) -> None:
    files = {DEV: "port: 1\nbind: ::1", "/elsewhere/mine.yaml": "port: 2"}
    settings = load_from({"VERCEL_CONFIG_FILE": "/elsewhere/mine.yaml"}, files)
    assert (settings.port, settings.bind) == (2, "127.0.0.1")
    assert settings.config_file == Path("/elsewhere/mine.yaml")


@pytest.mark.parametrize(
    "empty", ["", "# nothing\n", "~", "auth:\nchatgpts:\nproxy: null\nport: ''"]
)
def test_a_file_that_says_nothing_changes_nothing(load_from: Any, empty: str) -> None:
    settings = load_from(files={DEV: empty})
    store = SqliteChoice(".data/chat2api.db")
    assert settings == Settings(allow_upstream_tokens=True, config_file=Path(DEV), store=store)


@pytest.mark.parametrize(
    ("content", "variable", "expected"),
    [
        ("prot: 1", f"{DEV}: prot", "a known key (auth, bind, chatgpt_base_url, chatgpts, "
         "log_file, log_level, log_path, port, proxy)"),
        ("auth: {access_token: x}", f"{DEV}: auth.access_token",
         "a known key (access_token_prefix, access_tokens, admin_key, api_keys)"),
        ("auth.access_tokens: sk-x", f"{DEV}: (a key that is not a plain name)", None),
        ("sk-misplaced-secret: 1", f"{DEV}: (a key that is not a plain name)", None),
        ("auth: [sk-x]", f"{DEV}: auth", "keys and values"),
        ("- port", f"{DEV}: top level", "keys and values"),
        ("port: high", f"{DEV}: port", "a whole number from 0 to 65535"),
        ("port: [1]", f"{DEV}: port", "a whole number from 0 to 65535"),
        ("auth: {access_tokens: {a: b}}", f"{DEV}: auth.access_tokens", None),
        ("auth: {access_tokens: [[sk-x]]}", f"{DEV}: auth.access_tokens", None),
        ("port: 1\nport: 2", DEV, "the key port only once (see line 2)"),
        ("port: 1\nbind: [", DEV, "readable YAML or JSON (see line 2)"),
        ("? [a]\n: 1", DEV, "a plain name as key (see line 1)"),
        ("port: \x01", DEV, "readable YAML or JSON"),
        (b"\xff\xfe\xff", DEV, "UTF-8 text"),
        (b"#" * 1_000_001, DEV, "a file of at most 1000000 bytes"),
        ("proxy: " + "[" * 9 + "]" * 9, DEV, "no more than 8 levels of nesting"),
        ("chatgpts: [{access_token: a}, {acess_token: b}]", f"{DEV}: chatgpts[1].acess_token",
         None),
        ("chatgpts: [{access_token: a, proxy: h}]", f"{DEV}: chatgpts[0].proxy", None),
    ],
)  # fmt: skip
def test_what_a_file_may_not_say_is_named(
    load_from: Any, content: str | bytes, variable: str, expected: str | None
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_from(files={DEV: content})
    assert caught.value.variable == variable
    assert expected in (None, caught.value.expected)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(load_from: Any) -> None:
    assert load_from(files={DEV: b"\xef\xbb\xbfport: 1\r\nbind: ::1\r\n"}).port == 1


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "conf" / "app.dev.yaml").mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"app\.dev\.yaml: expected a file that can be read"):
        load({}, cwd=tmp_path)


def test_a_real_file_is_read_from_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "app.dev.yaml").write_text("port: 4000\n")
    assert load({}, cwd=tmp_path).port == 4000


@pytest.mark.parametrize(
    ("environ", "imported"),
    [
        ({"CHATGPT_ACCOUNTS": '[{"access_token": "a"}]', "CHATGPT_ACCESS_TOKENS": "b"}, False),
        ({"CHATGPT_ACCOUNTS": "- access_token: a"}, True),
    ],
)
def test_yaml_is_imported_only_for_yaml(
    tmp_path: Path, environ: dict[str, str], imported: bool
) -> None:
    code = (
        "import sys, os, pathlib; from chat2api_core.config import load; "
        "load(os.environ, cwd=pathlib.Path()); sys.exit('yaml' in sys.modules)"
    )
    path = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**path, **environ}, cwd=tmp_path, check=False
    )
    assert done.returncode == int(imported)


class TestStores:
    def test_the_variables_of_the_platforms_name_one(self, load_from: Any) -> None:
        url = "redis://:pass@h:6379"

        assert load_from({"REDIS_URL": url}).store == RedisChoice(Secret(url))

    def test_a_serverless_host_has_memory_alone(self, load_from: Any) -> None:
        assert load_from({"VERCEL": "1"}).store == MemoryChoice()

    def test_half_of_a_pair_is_an_error_that_names_the_other_half(self, load_from: Any) -> None:
        with pytest.raises(SettingsError) as caught:
            load_from({"KV_REST_API_URL": "https://h"})
        assert caught.value.variable == "KV_REST_API_TOKEN"

    @pytest.mark.parametrize(
        ("environ", "named"),
        [
            ({"VERCEL": "1"}, "STORE_URL"),
            ({"VERCEL": "1", "REDIS_URL": "redis://h"}, "SECRET_KEY"),
            ({"AWS_LAMBDA_FUNCTION_NAME": "f", "REDIS_URL": "redis://h"}, "SECRET_KEY"),
        ],
    )
    def test_tokens_that_will_be_lost_are_told_of(
        self, load_from: Any, environ: dict[str, str], named: str
    ) -> None:
        (notice,) = load_from({**environ, "CHATGPT_ACCESS_TOKENS": "rt_demo"}).notices

        assert named in notice
        assert load_from({**environ, "CHATGPT_ACCESS_TOKENS": "eyJ.at.sig"}).notices == ()

    def test_tokens_that_are_kept_are_not(self, load_from: Any) -> None:
        environ = {"VERCEL": "1", "REDIS_URL": "redis://h", "SECRET_KEY": "0123456789abcdef"}

        assert load_from({**environ, "CHATGPT_ACCESS_TOKENS": "rt_demo"}).notices == ()


def test_what_other_gateways_call_their_settings_is_told_to_have_no_effect(load_from: Any) -> None:
    assert load_from({"ADMIN_PASSWORD": "x", "SERVER_PORT": "8080"}).notices == (
        "ADMIN_PASSWORD has no effect here: set ADMIN_KEY.",
        "SERVER_PORT has no effect here: set PORT.",
    )
    assert load_from({"ADMIN_PASSWORD": " "}).notices == ()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CHATGPT_ACOUNTS", "CHATGPT_ACCOUNTS"),
        ("CHATGPT_ACCESS_TOKEN", "CHATGPT_ACCESS_TOKENS"),
        ("AUTH_TOKEN", "AUTH_TOKENS"),
        ("HISTORY_DISABLE", "HISTORY_DISABLED"),
    ],
)
def test_a_misspelt_setting_is_told(load_from: Any, name: str, meant: str) -> None:
    assert load_from({name: "sk-secret"}).notices == (f"{name} is no setting: is {meant} meant?",)


@pytest.mark.parametrize(
    "environ",
    [
        {"API_KEY": "x", "PATH": "/bin", "SECRET_KEY_BASE": "x", "PROXY_HOST": "x"},
        {"KUBERNETES_SERVICE_PORT": "1", "LOGNAME": "x", "CHATGPT_SOMETHING": "x"},
        {"AUTH_TOKENS": "sk-a", "AUTH_TOKEN": "of something else"},
        {"AUTH_TOKEN": ""},
    ],
)
def test_names_of_others_are_no_mistakes(load_from: Any, environ: dict[str, str]) -> None:
    assert load_from(environ).notices == ()
