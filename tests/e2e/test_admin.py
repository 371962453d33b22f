"""The pages' own API over real sockets: the door, the document, the accounts, the doctor."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import structs

from chat2api_core.accounts.account import Account
from chat2api_core.admin.session import LASTS
from chat2api_core.config import Settings
from chat2api_core.emulator import (
    DEMO_ACCESS_TOKEN,
    DEMO_REFRESH_TOKEN,
    At,
    Named,
    Respond,
    make_access_token,
)
from chat2api_core.emulator.script import Place
from chat2api_core.keys import ApiKey
from chat2api_core.secret import Secret
from chat2api_core.server import application, serving
from chat2api_core.stores.choose import RedisChoice
from chat2api_core.wiring import Gateway, build
from tests.e2e.conftest import ASK, KEY, Api, Upstream

Start = Callable[..., Api]

ADMIN = "adm-0123456789"
OWN = {"x-chat2api-page": "1"}
AS_ADMIN = {"authorization": f"Bearer {ADMIN}"}
NOBODY = {"authorization": ""}
BEHIND = [
    ("GET", "/admin/api/config"),
    ("PUT", "/admin/api/config"),
    ("GET", "/admin/api/accounts"),
    ("POST", "/admin/api/accounts/x/reset"),
    ("GET", "/admin/api/usage"),
    ("POST", "/tokens/upload"),
    ("POST", "/tokens/clear"),
    ("GET", "/tokens/error"),
    ("POST", "/tokens/error"),
    ("GET", "/doctor?format=json"),
]


class Desk:
    """The served gateway, its file, and a client that shows the admin key."""

    def __init__(self, url: str, file: Path, client: httpx.Client) -> None:
        self.url = url
        self.file = file
        self.client = client

    def get(self, path: str) -> Any:
        response = self.client.get(path)
        assert response.status_code == 200, response.text
        return response.json()

    def put(self, **sections: object) -> httpx.Response:
        version = self.get("/admin/api/config")["version"]
        return self.client.put("/admin/api/config", json={"version": version} | sections)

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        response = self.client.post(path, json=body, headers=headers)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture
def desk(emulator: Upstream, tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Serve with a settings file of this text (None: there is none)."""
    with ExitStack() as stack:

        def begin(text: str | None, **environ: str) -> Desk:
            file = tmp_path / "conf" / "app.dev.yaml"
            if text is not None:
                file.parent.mkdir()
                file.write_text(text)

            def adapt(fresh: Settings) -> Settings:
                return structs.replace(
                    fresh,
                    base_urls=(emulator.url,),
                    auth_url=emulator.url,
                    usage_counter="estimate",
                    admin_key=Secret(ADMIN),
                )

            known = {"STORE_URL": "memory:", "LOG_LEVEL": "critical"}
            gateway = build(environ=known | environ, cwd=tmp_path, adapt=adapt)
            url = stack.enter_context(serving(application(gateway)))
            client = httpx.Client(base_url=url, headers=AS_ADMIN, timeout=20)
            return Desk(url, file, stack.enter_context(client))

        yield begin


# ------------------------------------------------------------------------------------ the door


@pytest.mark.parametrize(("method", "path"), BEHIND)
def test_all_of_it_is_behind_the_door(start: Start, method: str, path: str) -> None:
    api = start(admin_key=Secret(ADMIN), auth_tokens=(Secret(KEY),))
    for headers in (
        NOBODY,
        {"authorization": f"Bearer {KEY}"},
        {"cookie": "chat2api_session=1.2.3"},
    ):
        response = api.client.request(method, path, headers=NOBODY | headers)
        assert response.status_code == 401, path
        assert response.json()["error"]["code"] == "invalid_api_key"
    assert api.client.request(method, path, headers=AS_ADMIN).status_code != 401


def test_logging_in_gives_a_cookie_that_reads_and_changes(start: Start) -> None:
    api = start(admin_key=Secret(ADMIN))
    with httpx.Client(base_url=api.url) as client:
        assert client.get("/admin/api/session").json()["open"] is False
        answer = client.post("/admin/login", json={"key": f" {ADMIN} "})
        assert answer.status_code == 200
        cookie = answer.headers["set-cookie"]
        assert f"Max-Age={LASTS}; HttpOnly; SameSite=Strict" in cookie
        assert "Path=/;" in cookie
        assert "Secure" not in cookie
        assert ADMIN not in cookie
        assert client.get("/admin/api/session").json()["open"] is True
        assert client.get("/admin/api/config").status_code == 200
        path = "/tokens/error"
        assert client.post(path, headers=OWN).status_code == 200
        assert client.post(path).status_code == 403
        assert client.post(path, headers=OWN | {"sec-fetch-site": "cross-site"}).status_code == 403
        gone = client.post("/admin/logout")
        assert "Max-Age=0" in gone.headers["set-cookie"]
        assert client.get("/admin/api/config").status_code == 401


def test_behind_https_and_a_prefix_the_cookie_says_so(start: Start) -> None:
    api = start(admin_key=Secret(ADMIN), api_prefix="/private")
    answer = api.client.post(
        "/private/admin/login", json={"key": ADMIN}, headers={"x-forwarded-proto": "https"}
    )
    assert "Path=/private; " in answer.headers["set-cookie"]
    assert answer.headers["set-cookie"].endswith("; Secure")


def test_wrong_tries_close_the_door_even_to_the_right_key(start: Start) -> None:
    api = start(admin_key=Secret(ADMIN))
    wrong = {"authorization": "Bearer wrong"}
    codes = [api.client.get("/admin/api/config", headers=wrong).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]
    answer = api.client.post("/admin/login", json={"key": ADMIN})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "900"


def test_many_wrong_tries_at_once_are_no_way_around_the_pause(start: Start) -> None:
    api = start(admin_key=Secret(ADMIN))

    def guess(number: int) -> int:
        key = {"key": f"guess-{number}"}
        return httpx.post(f"{api.url}/admin/login", json=key, timeout=20).status_code

    with ThreadPoolExecutor(8) as threads:
        told = sorted(threads.map(guess, range(20)))
    assert told == [401] * 5 + [429] * 15


@pytest.mark.parametrize("path", ["/admin/login", "/admin/logout"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_logs_nobody_in_or_out_and_uses_up_no_tries(
    start: Start, path: str, site: str
) -> None:
    api = start(admin_key=Secret(ADMIN))
    for _ in range(6):
        headers = {"sec-fetch-site": site, "content-type": "text/plain"}
        refused = api.client.post(path, content=b'{"key":"wrong"}', headers=headers)
        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers
    own = {"sec-fetch-site": "same-origin"}
    assert api.client.post("/admin/login", json={"key": ADMIN}, headers=own).status_code == 200


def test_plain_local_keys_open_where_there_is_no_admin_key_but_never_limited_ones(
    start: Start,
) -> None:
    api = start(api_keys=(ApiKey(Secret("sk-ann")),))
    ann = {"authorization": "Bearer sk-ann"}
    assert api.client.get("/admin/api/config", headers=ann).status_code == 401
    assert api.client.get("/admin/api/config").status_code == 200
    session = api.client.get("/admin/api/session").json()
    assert (session["by_local_key"], session["closed"]) == (True, False)


def test_without_any_key_the_pages_are_closed(start: Start) -> None:
    api = start(auth_tokens=(), anonymous=True)
    assert api.client.get("/admin/api/session", headers=NOBODY).json()["closed"] is True
    for headers in (NOBODY, {"authorization": "Bearer x"}):
        answer = api.client.get("/admin/api/config", headers=headers)
        assert answer.status_code == 404
        assert "ADMIN_KEY" in answer.json()["error"]["message"]


# ---------------------------------------------------------------------------------- the pages


@pytest.mark.parametrize("path", ["/admin", "/tokens", "/doctor"])
def test_a_page_loads_nothing_but_our_own_files(start: Start, path: str) -> None:
    api = start(admin_key=Secret(ADMIN))
    answer = api.client.get(path, headers=NOBODY)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert "<style" not in answer.text
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|style=|https?://", answer.text)
    for asset in re.findall(r'(?:href|src)="([^"]+)"', answer.text):
        assert api.client.get(f"/{asset}").status_code == 200
    assert api.client.head(path).content == b""


def test_files_are_sent_once(start: Start) -> None:
    api = start()
    first = api.client.get("/admin/assets/admin.js")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    etag = first.headers["etag"]
    again = api.client.get("/admin/assets/admin.js", headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert api.client.get("/admin/assets/missing.js").status_code == 404
    assert api.client.get("/admin/assets/..%2Fdoor.py").status_code == 404


def test_every_file_that_scripts_name_is_there(start: Start) -> None:
    api = start()
    for name in ("admin", "tokens", "doctor", "charts", "page"):
        text = api.client.get(f"/admin/assets/{name}.js").text
        for other in re.findall(r'from "\./([\w.]+)"', text):
            assert api.client.get(f"/admin/assets/{other}").status_code == 200
        assert not re.search(r"innerHTML|eval\(|https?://(?!www\.w3\.org/2000/svg)", text)


# ------------------------------------------------------------------------------- the document


def test_the_document_is_changed_by_version_and_takes_effect(desk: Callable[..., Desk]) -> None:
    site = desk(None)
    before = site.get("/admin/api/config")
    assert before["closed"] == ""
    assert before["where"].endswith("app.dev.yaml")
    answer = site.put(
        keys=[{"key": "sk-new", "name": "New", "models": ["auto"]}],
        accounts=[{"access_token": DEMO_ACCESS_TOKEN, "email": "ann@example.com"}],
    )
    assert answer.status_code == 200, answer.text
    stale = site.client.put("/admin/api/config", json={"version": before["version"], "keys": []})
    assert stale.status_code == 409
    after = site.get("/admin/api/config")
    assert [key["name"] for key in after["keys"]] == ["New"]
    assert [one["email"] for one in after["accounts"]] == ["ann@example.com"]
    assert DEMO_ACCESS_TOKEN not in json.dumps(after)
    chat = httpx.post(
        f"{site.url}/v1/chat/completions", json=ASK, headers={"authorization": "Bearer sk-new"}
    )
    assert chat.status_code == 200, chat.text


def test_what_the_environment_says_is_shown_apart(desk: Callable[..., Desk]) -> None:
    site = desk(
        "chatgpts:\n- access_token: in-the-file-0123456789\n",
        AUTH_TOKENS="sk-of-the-environment",
        ACCESS_TOKEN_PREFIXES="px-of-the-environment-",
        PROXY="http://u:hush@p:1",
        CHATGPT_ACCESS_TOKENS="of-the-environment-0123",
        API_KEYS="[{key: sk-named-0123456789, name: Eve}]",
    )
    config = site.get("/admin/api/config")
    elsewhere = config["elsewhere"]
    assert [key["name"] for key in elsewhere["keys"]] == ["Eve", ""]
    assert [one["shown"] for one in elsewhere["prefixes"]] == ["px-…ent-"]
    assert [one["shown"] for one in elsewhere["proxies"]] == ["http://…@p:1"]
    assert [one["credentials"] for one in elsewhere["accounts"]] == [["access_token"]]
    assert len(config["accounts"]) == 1
    assert "hush" not in json.dumps(config)


@pytest.mark.parametrize(
    "sections",
    [{"proxies": [{"value": "ftp://x"}]}, {"keys": [{"name": "no key"}]}, {"keys": "word"}],
)
def test_what_is_no_good_is_not_saved(desk: Callable[..., Desk], sections: Any) -> None:
    site = desk("bind: 127.0.0.1\n")
    assert site.put(**sections).status_code == 400
    assert site.file.read_text() == "bind: 127.0.0.1\n"


def test_a_file_that_became_bad_is_told_of_and_the_old_settings_stay(
    desk: Callable[..., Desk],
) -> None:
    site = desk("chatgpts:\n- access_token: one-0123456789\n")
    site.get("/admin/api/config")
    site.file.write_text("chatgpts: [")
    config = site.get("/admin/api/config")
    assert config["accounts"] == []
    assert "readable YAML" in config["fault"]
    assert len(site.get("/admin/api/accounts")["accounts"]) == 1
    assert site.put(proxies=[]).status_code == 400
    assert site.file.read_text() == "chatgpts: ["


def test_settings_that_are_kept_nowhere_are_read_only(start: Start) -> None:
    api = start(admin_key=Secret(ADMIN))
    config = api.client.get("/admin/api/config", headers=AS_ADMIN).json()
    assert "kept nowhere" in config["closed"]
    answer = api.client.put(
        "/admin/api/config", json={"version": config["version"], "proxies": []}, headers=AS_ADMIN
    )
    assert answer.status_code == 400
    assert "kept nowhere" in answer.json()["error"]["message"]


def test_on_a_serverless_host_the_store_keeps_it_for_all_instances(
    emulator: Upstream, tmp_path: Path
) -> None:
    environ = {
        "VERCEL": "1",
        "STORE_URL": f"sqlite:{tmp_path / 'shared.db'}",
        "SECRET_KEY": "0123456789abcdef",
        "ADMIN_KEY": ADMIN,
        "AUTH_TOKENS": KEY,
        "CHATGPT_BASE_URL": emulator.url,
        "LOG_LEVEL": "critical",
    }
    with ExitStack() as stack:
        first, other = (
            stack.enter_context(
                httpx.Client(
                    base_url=stack.enter_context(
                        serving(application(build(environ=environ, cwd=tmp_path)))
                    ),
                    headers=AS_ADMIN,
                )
            )
            for _ in range(2)
        )
        config = first.get("/admin/api/config").json()
        assert config["where"] == "the shared store (sqlite)"
        edit = {
            "version": config["version"],
            "accounts": [{"access_token": DEMO_ACCESS_TOKEN}],
        }
        assert first.put("/admin/api/config", json=edit).status_code == 200
        assert first.get("/v1/accTokens").json()["count"] == 1
        assert other.get("/v1/accTokens").json()["count"] == 1
        assert other.put("/admin/api/config", json=edit).status_code == 409
    assert DEMO_ACCESS_TOKEN.encode() not in (tmp_path / "shared.db").read_bytes()


@pytest.mark.parametrize(
    ("environ", "why"),
    [({"STORE_URL": "memory:"}, "STORE_URL"), ({"STORE_URL": "sqlite:x.db"}, "SECRET_KEY")],
)
def test_on_a_serverless_host_without_a_place_to_keep_it_pages_say_so(
    tmp_path: Path, environ: dict[str, str], why: str
) -> None:
    known = {"VERCEL": "1", "ADMIN_KEY": ADMIN, "LOG_LEVEL": "critical"}
    gateway: Gateway = build(environ=known | environ, cwd=tmp_path)
    assert why in gateway.desk.home.closed


# ------------------------------------------------------------------------------- the accounts


def account(*, access_token: str = "", refresh_token: str = "") -> Account:
    return Account(access_token=Secret(access_token), refresh_token=Secret(refresh_token))


def test_accounts_are_told_with_state_and_figures(start: Start, emulator: Upstream) -> None:
    api = start(
        admin_key=Secret(ADMIN),
        accounts=(
            structs.replace(account(access_token=DEMO_ACCESS_TOKEN), email="ann@example.com"),
            structs.replace(account(access_token=DEMO_ACCESS_TOKEN), account_id="acc-2"),
            structs.replace(account(access_token="opaque"), disabled=True),
            account(access_token=_token(expires=1_700_000_000)),
        ),
    )
    api.ask()

    def told() -> list[Any]:
        accounts: list[Any] = api.client.get("/admin/api/accounts", headers=AS_ADMIN).json()[
            "accounts"
        ]
        return accounts

    assert emulator.eventually(lambda: sum(one["requests"] for one in told()) == 1)
    accounts = told()
    assert [one["state"] for one in accounts] == ["ready", "ready", "disabled", "out"]
    assert [one["email"] for one in accounts] == ["ann@example.com", "", "", ""]
    assert accounts[0]["plan"] == "plus"
    (used,) = [one for one in accounts if one["requests"]]
    assert (used["succeeded"], used["failed"]) == (1, 0)
    assert used["last_used"] > 1_700_000_000
    assert "ended" in accounts[3]["reason"]


def _token(*, expires: int) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part({'exp': expires})}.sig"


def test_an_account_is_tried_refreshed_and_reset(start: Start, emulator: Upstream) -> None:
    api = start(
        admin_key=Secret(ADMIN),
        accounts=(
            account(refresh_token=DEMO_REFRESH_TOKEN),
            account(access_token=DEMO_ACCESS_TOKEN),
            account(refresh_token="rt_dead"),
        ),
    )

    def act(place: int, action: str) -> Any:
        accounts = api.client.get("/admin/api/accounts", headers=AS_ADMIN).json()["accounts"]
        answer = api.client.post(
            f"/admin/api/accounts/{accounts[place]['id']}/{action}", headers=AS_ADMIN
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(place: int) -> str:
        accounts = api.client.get("/admin/api/accounts", headers=AS_ADMIN).json()["accounts"]
        told: str = accounts[place]["state"]
        return told

    assert act(0, "refresh")["ok"] is True
    tried = act(0, "test")
    assert tried["ok"] is True
    assert tried["message"]
    nothing = act(1, "refresh")
    assert nothing["ok"] is False
    assert "nothing to renew" in nothing["message"]
    assert act(2, "refresh")["ok"] is False
    assert state(2) == "out"
    assert act(2, "reset")["ok"] is True
    assert state(2) == "ready"
    for path in ("x/reset", "x/y"):
        missing = api.client.post(f"/admin/api/accounts/{path}", headers=AS_ADMIN)
        assert missing.status_code == 404


def test_figures_are_told_by_day_model_key_and_account(start: Start, emulator: Upstream) -> None:
    api = start(admin_key=Secret(ADMIN), api_keys=(ApiKey(Secret("sk-ann"), "Ann"),))
    api.post(ASK, authorization="Bearer sk-ann")

    def figures(days: str = "7") -> Any:
        return api.client.get(f"/admin/api/usage?days={days}", headers=AS_ADMIN).json()

    assert emulator.eventually(lambda: figures()["total"]["requests"] == 1)
    found = figures()
    assert len(found["days"]) == 7
    assert found["days"][-1]["requests"] == 1
    assert [one["name"] for one in found["models"]] == ["auto"]
    assert [one["name"] for one in found["keys"]] == ["Ann"]
    assert len(found["accounts"]) == 1
    assert [len(figures(days)["days"]) for days in ("0", "9999", "many")] == [1, 90, 30]


def test_while_the_store_is_down_everything_says_whose_figures_it_shows(
    start: Start, emulator: Upstream
) -> None:
    nowhere = RedisChoice(Secret("redis://127.0.0.1:9"))
    api = start(admin_key=Secret(ADMIN), store=nowhere)
    api.ask()

    def told(path: str) -> Any:
        response = api.client.get(path, headers=AS_ADMIN)
        assert response.status_code == 200, response.text
        return response.json()

    assert emulator.eventually(lambda: told("/admin/api/usage")["total"]["requests"] == 1)
    assert told("/admin/api/usage")["coverage"] == "this_process"
    assert told("/admin/api/accounts")["coverage"] == "this_process"
    for path in ("/admin/api/usage", "/admin/api/accounts", "/admin/api/config"):
        outage = told(path)["outage"]
        assert outage["store"] == "redis"
        assert outage["since"] > 1_700_000_000
        assert "cannot be reached" in outage["error"]
        assert outage["counters"] > 0
        assert outage["tokens"] == 0
    assert told("/health")["store"]["tokens_owed"] == 0


@pytest.mark.parametrize(
    ("store", "coverage"),
    [("memory:", "this_process"), ("sqlite:figures.db", "everything")],
)
def test_figures_of_a_store_that_lasts_are_of_everything(
    desk: Callable[..., Desk], tmp_path: Path, store: str, coverage: str
) -> None:
    url = store.replace("figures.db", str(tmp_path / "figures.db"))
    page = desk("", STORE_URL=url)
    for path in ("/admin/api/usage", "/admin/api/accounts"):
        document = page.get(path)
        assert document["coverage"] == coverage
        assert document["outage"] is None


# --------------------------------------------------------------------------------- the tokens


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "application/json"}, b'{"text": "rt_1\\nrt_2"}'),
        ({"content-type": "application/x-www-form-urlencoded"}, b"text=rt_1%0Art_2"),
        ({"content-type": "text/plain"}, b"rt_1\nrt_2"),
        (
            {"content-type": "multipart/form-data; boundary=b"},
            b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nrt_1\r\n'
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
            b"Content-Type: text/plain\r\n\r\nrt_2\r\n--b--\r\n",
        ),
    ],
    ids=["JSON", "a form", "plain text", "a form with files"],
)
def test_accounts_are_uploaded_in_any_wrapping(
    desk: Callable[..., Desk], headers: dict[str, str], body: bytes
) -> None:
    site = desk("chatgpts:\n- refresh_token: rt_1\n")
    answer = site.client.post("/tokens/upload", content=body, headers=headers).json()
    assert answer == {
        "status": "success",
        "tokens_count": 2,
        "added": 1,
        "known": 1,
        "wrong": [],
    }
    assert site.get("/v1/accTokens")["count"] == 2
    again = site.client.post("/tokens/upload", content=body, headers=headers).json()
    assert (again["added"], again["tokens_count"]) == (0, 2)
    assert site.post("/tokens/clear")["removed"] == 2
    assert site.post("/tokens/clear")["removed"] == 0
    assert site.get("/v1/accTokens")["count"] == 0


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"[]", 400),
        ("text/plain", b"\xff", 400),
        ("text/plain", b"x" * 1_000_001, 413),
        ("multipart/form-data", b"rt_1", 400),
    ],
)
def test_what_is_no_upload_is_refused(
    desk: Callable[..., Desk], kind: str, body: bytes, status: int
) -> None:
    site = desk(None)
    answer = site.client.post("/tokens/upload", content=body, headers={"content-type": kind})
    assert answer.status_code == status


def test_dead_accounts_are_listed_with_their_reason(start: Start) -> None:
    api = start(admin_key=Secret(ADMIN), accounts=(account(access_token=_token(expires=1_000)),))
    (error,) = api.client.post("/tokens/error", headers=AS_ADMIN).json()["error_tokens"]
    assert "ended" in error["reason"]


# --------------------------------------------------------------------------------- the doctor


def examine(api: Api, query: str = "") -> Any:
    answer = api.client.get(f"/doctor?format=json{query}", headers=AS_ADMIN)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stages(examination: Any) -> dict[str, str]:
    return {stage["name"]: stage["outcome"] for stage in examination["stages"]}


WAY = ["dns", "connect", "tls", "sign_in"]
WELL = [*WAY, "bootstrap", "sentinel", "proof", "conversation", "turn", "quota"]
CODEX = [*WAY, "models", "conversation", "turn", "quota"]
NO_TLS = {"tls": "skipped"}  # the emulator speaks plain HTTP


def test_the_doctor_finds_a_healthy_account_healthy(start: Start) -> None:
    api = start(admin_key=Secret(ADMIN))
    (found,) = examine(api)["examinations"]
    assert found["ok"] is True
    assert found["egress"] == "direct"
    assert stages(found) == dict.fromkeys(WELL, "ok") | NO_TLS
    assert DEMO_ACCESS_TOKEN not in json.dumps(found)


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"base_urls": ("http://no-such-host.invalid",)}, "dns"),
        ({"base_urls": ("http://127.0.0.1:1",)}, "connect"),
        ({"proxies": (Secret("http://user:hush@127.0.0.1:1"),)}, "connect"),
        ({"accounts": (account(refresh_token="rt_dead"),)}, "sign_in"),
        ({"accounts": (account(access_token="refused"),)}, "sentinel"),
    ],
    ids=["no name", "no server", "no proxy", "dead", "refused"],
)
def test_the_doctor_names_the_stage_that_fails(
    start: Start, changes: dict[str, Any], failing: str
) -> None:
    api = start(admin_key=Secret(ADMIN), **changes)
    (found,) = examine(api)["examinations"]
    told = stages(found)
    assert found["ok"] is False
    assert list(told) == WELL
    place = WELL.index(failing)
    assert {told[name] for name in WELL[:place]} <= {"ok", "skipped"}
    assert told[failing] == "failed"
    assert {told[name] for name in WELL[place + 1 :]} == {"not_reached"}
    assert "hush" not in json.dumps(found)


def test_the_doctor_examines_one_account_or_none(start: Start) -> None:
    api = start(admin_key=Secret(ADMIN))
    accounts = api.client.get("/admin/api/accounts", headers=AS_ADMIN).json()["accounts"]
    assert len(examine(api, f"&account={accounts[0]['id']}")["examinations"]) == 1
    answer = api.client.get("/doctor?format=json&account=x", headers=AS_ADMIN)
    assert answer.status_code == 404
    asked = api.client.get("/doctor", headers=AS_ADMIN | {"accept": "application/json"})
    assert asked.headers["content-type"] == "application/json"


def codex_account() -> Account:
    return Account(access_token=Secret(make_access_token(jti="codex")), type="codex")


def test_the_doctor_asks_codex_for_its_models_and_for_a_turn(
    start: Start, emulator: Upstream
) -> None:
    api = start(admin_key=Secret(ADMIN), accounts=(codex_account(),))
    (found,) = examine(api)["examinations"]
    assert (found["ok"], found["type"], found["egress"]) == (True, "codex", "direct")
    assert stages(found) == dict.fromkeys(CODEX, "ok") | NO_TLS
    assert len(emulator.app.log.at("codex")) == 1
    assert codex_account().access_token.reveal() not in json.dumps(found)


def test_the_doctor_names_the_stage_of_codex_that_fails(start: Start, emulator: Upstream) -> None:
    emulator.push(At("codex", Named("codex 429 usage")))
    api = start(admin_key=Secret(ADMIN), accounts=(codex_account(),))
    (found,) = examine(api)["examinations"]
    assert found["ok"] is False
    assert list(stages(found)) == CODEX
    assert (stages(found)["models"], stages(found)["conversation"]) == ("ok", "failed")
    assert stages(found)["turn"] == "not_reached"
    assert stages(found)["quota"] == "ok", "it may say why"


def test_the_doctor_tells_a_refused_codex_account_by_its_models(start: Start) -> None:
    refused = structs.replace(codex_account(), access_token=Secret("refused"))
    api = start(admin_key=Secret(ADMIN), accounts=(refused,))
    (found,) = examine(api)["examinations"]
    assert (stages(found)["models"], stages(found)["conversation"]) == ("failed", "not_reached")


def test_the_doctor_tells_a_server_without_tls_from_one_that_is_not_there(
    start: Start, emulator: Upstream
) -> None:
    url = emulator.url.replace("http://", "https://")
    api = start(admin_key=Secret(ADMIN), base_urls=(url,))
    (found,) = examine(api)["examinations"]
    told = stages(found)
    assert (told["connect"], told["tls"], told["sign_in"]) == ("ok", "failed", "not_reached")
    details = {stage["name"]: stage["detail"] for stage in found["stages"]}
    assert details["tls"] == "This is no TLS that can be spoken."


# ------------------------------------------------------------------------------------- quotas


def quotas(api: Api) -> list[dict[str, Any]]:
    accounts = api.client.get("/admin/api/accounts", headers=AS_ADMIN).json()["accounts"]
    return [{one["name"]: one for one in account["quotas"]} for account in accounts]


def test_what_codex_says_of_the_plan_is_shown(start: Start) -> None:
    api = start(admin_key=Secret(ADMIN), accounts=(codex_account(),))
    assert quotas(api) == [{}]
    api.ask(model="gpt-5.5")
    (told,) = quotas(api)
    assert list(told) == ["codex.primary", "codex.secondary"]
    primary = told["codex.primary"]
    assert (primary["minutes"], primary["remaining"]) == (300, None)
    assert 0 <= primary["used"] <= 100
    assert 0 < primary["resets_at"] - primary["seen_at"] <= 5 * 3600


def test_what_the_web_says_of_limited_features_is_shown(start: Start) -> None:
    api = start(admin_key=Secret(ADMIN))
    for stream in (False, True):
        api.stream() if stream else api.ask()
        (told,) = quotas(api)
        left = {name: (one["remaining"], one["used"]) for name, one in told.items()}
        assert left == {
            "image_gen": (12, None),
            "deep_research": (5, None),
            "file_upload": (3, None),
        }
        # The emulator says 2099-01-01T00:00:00+00:00.
        assert {one["resets_at"] for one in told.values()} == {4_070_908_800}


@pytest.mark.parametrize("enable_limit", [True, False])
def test_a_used_up_plan_is_not_asked_again_where_that_is_wanted(
    start: Start, emulator: Upstream, enable_limit: bool
) -> None:
    api = start(admin_key=Secret(ADMIN), accounts=(codex_account(),), enable_limit=enable_limit)
    full = (
        ("x-codex-primary-used-percent", "100"),
        ("x-codex-primary-reset-after-seconds", "900"),
    )
    whole = (Path(__file__).parent.parent / "fixtures" / "codex" / "plain_answer.sse").read_text()
    emulator.push(At("codex", Respond(200, whole, "text/event-stream", full)))
    api.ask(model="gpt-5.5")
    answer = api.post(ASK | {"model": "gpt-5.5"})
    if enable_limit:
        assert answer.status_code == 429
        assert 880 < int(answer.headers["retry-after"]) <= 900
        assert "window of" not in answer.text, "its length was not told"
    else:
        assert answer.status_code == 200
    assert len(emulator.app.log.at("codex")) == (1 if enable_limit else 2)
    (told,) = api.client.get("/admin/api/accounts", headers=AS_ADMIN).json()["accounts"]
    assert told["state"] == ("resting" if enable_limit else "ready")
    assert [rest["strikes"] for rest in told["rests"]] == ([0] if enable_limit else [])


@pytest.mark.parametrize(
    ("account", "place", "names"),
    [
        (
            account(access_token=DEMO_ACCESS_TOKEN),
            "init",
            ["deep_research", "file_upload", "image_gen"],
        ),
        (codex_account(), "account", ["codex.primary", "codex.secondary"]),
    ],
    ids=["web", "codex"],
)
def test_quotas_of_an_account_that_nobody_used_are_asked_for_where_people_look(
    start: Start, emulator: Upstream, account: Account, place: Place, names: list[str]
) -> None:
    api = start(admin_key=Secret(ADMIN), accounts=(account,))
    assert quotas(api) == [{}]
    assert emulator.app.log.at(place) == [], "showing the table asks nobody"
    answer = api.client.post(f"/admin/api/accounts/{account.key}/quota", headers=AS_ADMIN)
    assert answer.json()["ok"] is True
    (told,) = quotas(api)
    assert list(told) == names
    assert len(emulator.app.log.at(place)) == 1
    assert emulator.app.log.at("conversation") == emulator.app.log.at("codex") == []


def test_a_test_brings_the_quotas_too(start: Start, emulator: Upstream) -> None:
    api = start(admin_key=Secret(ADMIN))
    (one,) = api.client.get("/admin/api/accounts", headers=AS_ADMIN).json()["accounts"]
    answer = api.client.post(f"/admin/api/accounts/{one['id']}/test", headers=AS_ADMIN)
    assert answer.json()["ok"] is True
    (told,) = quotas(api)
    assert len(told) == 3
    assert emulator.app.log.at("init") == [], "the answer has brought them along"


def test_quotas_that_are_refused_are_told_so_and_condemn_nobody(
    start: Start, emulator: Upstream
) -> None:
    api = start(admin_key=Secret(ADMIN))
    (one,) = api.client.get("/admin/api/accounts", headers=AS_ADMIN).json()["accounts"]
    path = f"/admin/api/accounts/{one['id']}/quota"
    emulator.push(At("init", Respond(404, '{"detail":"Not Found"}')))
    told = api.client.post(path, headers=AS_ADMIN).json()
    assert (told["ok"], told["message"][:9]) == (False, "not_found")
    emulator.push(At("init", Respond(500, "{}")))
    told = api.client.post(path, headers=AS_ADMIN).json()
    assert (told["ok"], told["message"].partition(":")[0]) == (False, "quota_upstream_error")
    emulator.push(At("init", Respond(200, "[]", "application/json")))
    told = api.client.post(path, headers=AS_ADMIN).json()
    assert (told["ok"], told["message"].partition(":")[0]) == (False, "quota_unreadable")
    (one,) = api.client.get("/admin/api/accounts", headers=AS_ADMIN).json()["accounts"]
    assert (one["state"], one["quotas"]) == ("ready", [])


def test_a_refused_token_is_renewed_to_ask_for_quotas(start: Start, emulator: Upstream) -> None:
    renewable = account(refresh_token=DEMO_REFRESH_TOKEN)
    api = start(admin_key=Secret(ADMIN), accounts=(renewable,))
    emulator.push(At("init", Named("401 expired")))
    told = api.client.post(f"/admin/api/accounts/{renewable.key}/quota", headers=AS_ADMIN).json()
    assert told["ok"] is True, told
    assert len(emulator.app.log.at("init")) == 2
    assert len(emulator.app.log.at("refresh")) == 2
