"""The pages, as somebody with a browser uses them."""

import asyncio
import re
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from chat2api_core.config.tree import read_tree
from chat2api_core.emulator import DEMO_ACCESS_TOKEN
from chat2api_core.metering.use import DAY, Use
from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.codex.quota import Quota, Window
from chat2api_core.wiring import Gateway
from tests.browser.conftest import ADMIN, NewPage, Serve, Site

pytest.importorskip("playwright.sync_api")

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Picture = Callable[[Page, str], None]

SETTINGS = f"""\
# kept as it is
log_level: critical
auth:
  admin_key: {ADMIN}
  access_tokens: [sk-local-0123456789]
  api_keys:
  - {{key: sk-ann-0123456789abcdef, name: Ann, expires: 2031-01-31, models: [gpt-5*, auto],
      requests_per_minute: 30, tokens_per_day: 500000}}
proxy: socks5h://user:hush@proxy.example:1080
chatgpts:
- access_token: {DEMO_ACCESS_TOKEN}
  email: ann@example.com
  proxy: ""
- refresh_token: rt_demo_of_bob_0123456789
  email: bob@example.com
  proxy: http://bob:hush@127.0.0.1:9
- access_token: opaque-of-carol-0123456789
  email: carol@example.com
  disabled: true
"""
PLAIN = f"""\
auth:
  admin_key: {ADMIN}
  access_tokens: [sk-local-0123456789]
"""


def log_in(page: "Page", site: Site, path: str = "/admin", key: str = ADMIN) -> None:
    page.goto(site.url + path)
    page.get_by_label(re.compile("key|密钥")).fill(key)
    page.get_by_role("button", name=re.compile("Log in|登录")).click()
    page.get_by_role("navigation").wait_for()


def fill_up(gateway: Gateway) -> None:
    """Some weeks of figures, and accounts in all states."""
    clock = gateway.clock
    settings = gateway.settings
    names = [key.fingerprint for key in settings.api_keys] + [settings.auth_tokens[0].fingerprint()]
    accounts = [account.key for account in settings.accounts]

    class Then:
        def __init__(self, back: int) -> None:
            self.back = back

        def now(self) -> float:
            return clock.now() - self.back * DAY

        def monotonic(self) -> float:
            return clock.monotonic()

    async def run() -> None:
        from chat2api_core.metering.tally import Tally

        for back in reversed(range(30)):
            tally = Tally(gateway.store, Then(back), linger=0)
            for number in range((back * 7) % 23 + 5):
                failed = number % 11 == 3
                tally.note(
                    Use(
                        key=names[number % 2],
                        model=("gpt-5", "gpt-5-mini", "o3")[number % 3],
                        account=accounts[number % 2],
                        input=400 + 13 * number,
                        output=900 + 40 * (back % 5) * number,
                        milliseconds=900 + (number * 977) % 9000,
                        error="rate_limit_exceeded" if failed else "",
                    )
                )
            await tally.write()
        limited = Problem(Kind.RATE_LIMITED, "Too many requests.", retry_after=4000)
        await gateway.office.ledger.blame(accounts[0], "gpt-5", limited)
        now, hour = clock.now(), 3600
        gateway.office.ledger.quota_seen(
            accounts[0],
            Quota("plus", Window(37.5, 300, now + 2.2 * hour), Window(100, 10080, now + 99 * hour)),
        )
        limits = {"image_gen": (12, now + 20 * hour), "deep_research": (0, now + 300 * hour)}
        gateway.office.ledger.limits_seen(accounts[0], limits)
        gateway.office.ledger.limits_seen(accounts[2], {"file_upload": (3, now + 0.3 * hour)})
        dead = Problem(Kind.UNAUTHORIZED, "The refresh token was revoked.", step="refresh")
        await gateway.office.ledger.blame(accounts[1], "", dead)

    # In a thread of its own: the driver of the browser has a loop running in this one.
    worker = threading.Thread(target=lambda: asyncio.run(run()))
    worker.start()
    worker.join()


def document(site: Site) -> Any:
    return read_tree(site.file.read_text())


def test_nobody_sees_anything_before_logging_in(
    serve: Serve, new_page: NewPage, picture: "Picture"
) -> None:
    site = serve(SETTINGS)
    page = new_page()
    page.goto(site.url + "/admin")
    page.get_by_role("heading", name="Log in").wait_for()
    assert "ann@example.com" not in page.content()
    page.get_by_label("Admin key").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("This is not the admin key").wait_for()
    picture(page, "login")
    page.get_by_label("Admin key").fill(ADMIN)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Dashboard").wait_for()
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert cookie["expires"] > 0
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("heading", name="Log in").wait_for()


def test_five_wrong_tries_close_the_door_for_a_while(serve: Serve, new_page: NewPage) -> None:
    site = serve(PLAIN)
    page = new_page()
    page.goto(site.url + "/admin")
    for _ in range(5):
        page.get_by_label("Admin key").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        page.get_by_text("This is not the admin key").wait_for()
    page.get_by_label("Admin key").fill(ADMIN)
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("Too many wrong tries").wait_for()


def test_a_local_key_opens_with_a_warning_where_there_is_no_admin_key(
    serve: Serve, new_page: NewPage, picture: "Picture"
) -> None:
    site = serve("auth: {access_tokens: [sk-local-0123456789]}\n")
    page = new_page()
    page.goto(site.url + "/admin")
    page.get_by_text("No ADMIN_KEY is set").wait_for()
    picture(page, "login_by_local_key")
    log_in(page, site, key="sk-local-0123456789")


def test_without_any_key_the_pages_are_closed(serve: Serve, new_page: NewPage) -> None:
    page = new_page()
    page.goto(serve("").url + "/admin")
    page.get_by_text("These pages are closed").wait_for()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("desk", {"viewport": {"width": 1280, "height": 800}}),
        ("dark", {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"}),
        ("phone", {"viewport": {"width": 390, "height": 844}, "is_mobile": True}),
        ("chinese", {"viewport": {"width": 1280, "height": 800}, "language": "zh-CN"}),
    ],
)
def test_every_place_shows_what_there_is(
    serve: Serve, new_page: NewPage, picture: "Picture", name: str, options: dict[str, Any]
) -> None:
    site = serve(SETTINGS)
    fill_up(site.gateway)
    page = new_page(**options)
    log_in(page, site)
    page.locator(".tile strong").first.wait_for()
    assert page.locator("svg.chart").count() == 3
    for place, content in (
        ("dashboard", ".ranking"),
        ("accounts", "[data-account]"),
        ("keys", "table.cards"),
        ("settings", ".columns"),
    ):
        page.goto(f"{site.url}/admin#{place}")
        page.locator(f"main {content}").first.wait_for()
        picture(page, f"{place}_{name}")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{place} has to be scrolled sideways"
        for secret in ("hush", "rt_demo", DEMO_ACCESS_TOKEN, "sk-ann-0123", "carol-0123", ADMIN):
            assert secret not in page.content()
    for path, content in (("/tokens", "main textarea"), ("/doctor", "[data-account]")):
        page.goto(site.url + path)
        page.locator(content).first.wait_for()
        picture(page, f"{path.strip('/')}_{name}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


MANY = (
    PLAIN
    + "chatgpts:\n"
    + "".join(
        f"- access_token: opaque-{number:02}-0123456789\n"
        f"  email: {'a-rather-long-name.of.somebody+' if number % 7 == 0 else ''}user{number:02}"
        f"@{'a.very.long.subdomain.of.some.university.' if number % 5 == 0 else ''}example.com\n"
        f"  disabled: {str(number % 10 == 9).lower()}\n"
        for number in range(50)
    )
)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("desk", {"viewport": {"width": 1280, "height": 800}}),
        ("phone", {"viewport": {"width": 390, "height": 844}, "is_mobile": True}),
    ],
)
def test_one_of_fifty_accounts_is_found(
    serve: Serve, new_page: NewPage, picture: "Picture", name: str, options: dict[str, Any]
) -> None:
    site = serve(MANY)
    page = new_page(**options)
    log_in(page, site, "/admin#accounts")
    page.locator("[data-account]").nth(49).wait_for()
    picture(page, f"fifty_{name}")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.get_by_role("button", name="disabled 5").click()
    assert page.locator("[data-account]:visible").count() == 5
    page.get_by_label("Find an account").fill("USER19")
    assert page.locator("[data-account]:visible").count() == 1
    page.get_by_role("button", name="all 50").click()
    page.get_by_label("Find an account").fill("university")
    page.get_by_text("10 / 50").wait_for()


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_a_store_that_is_down_is_told_on_every_page(
    serve: Serve, new_page: NewPage, picture: "Picture", language: str
) -> None:
    site = serve(SETTINGS, STORE_URL="redis://127.0.0.1:9")
    page = new_page(language)
    log_in(page, site)
    words = {"en-GB": "what this process alone knows", "zh-CN": "仅为本进程所知"}[language]
    paths = ("/admin#dashboard", "/admin#accounts", "/admin#settings", "/tokens", "/doctor")
    for path in paths:
        page.goto("about:blank")
        page.goto(site.url + path)
        page.get_by_role("alert").filter(has_text=words).wait_for()
    page.goto(site.url + "/admin#accounts")
    page.locator("[data-account]").first.wait_for()
    picture(page, f"outage_{language[:2]}")


def test_figures_of_one_process_say_so(serve: Serve, new_page: NewPage) -> None:
    site = serve(SETTINGS)
    page = new_page()
    log_in(page, site)
    page.get_by_text("These figures are of this process since its start only").wait_for()


def test_quotas_are_asked_for_all_accounts_at_a_press(
    serve: Serve, new_page: NewPage, picture: "Picture"
) -> None:
    site = serve(f"{PLAIN}chatgpts:\n- access_token: {DEMO_ACCESS_TOKEN}\n")
    page = new_page()
    log_in(page, site, "/admin#accounts")
    page.locator("[data-account]").wait_for()
    assert page.locator(".quota").count() == 0
    page.get_by_role("button", name="Ask for quotas").click()
    page.locator(".quota").nth(2).wait_for()
    picture(page, "quotas")


def test_a_page_that_cannot_be_loaded_says_so_and_can_be_tried_again(
    serve: Serve, new_page: NewPage, picture: "Picture"
) -> None:
    site = serve(SETTINGS)
    page = new_page()
    log_in(page, site)
    page.locator(".tiles").wait_for()
    broken = {"status": 499, "body": '{"error": {"message": "Nothing works today."}}'}
    page.route("**/admin/api/usage*", lambda route: route.fulfill(**broken))
    page.reload()
    page.get_by_role("alert").filter(has_text="Nothing works today.").wait_for()
    picture(page, "error")
    page.unroute("**/admin/api/usage*")
    page.get_by_role("button", name="Reload").click()
    page.locator(".tiles").wait_for()
    assert page.title() == "Dashboard · chat2api"


def test_the_language_can_be_chosen_and_stays(serve: Serve, new_page: NewPage) -> None:
    site = serve(SETTINGS)
    page = new_page()
    log_in(page, site)
    page.get_by_role("button", name="中文").click()
    page.get_by_role("heading", name="概览").wait_for()
    page.reload()
    page.get_by_role("heading", name="概览").wait_for()
    assert page.locator("html").get_attribute("lang") == "zh"


def test_an_account_is_added_edited_tried_and_deleted(
    serve: Serve, new_page: NewPage, picture: "Picture"
) -> None:
    site = serve(PLAIN)
    page = new_page()
    log_in(page, site)
    page.get_by_role("link", name="Accounts").click()
    page.get_by_text("No account yet.").wait_for()
    page.get_by_role("button", name="Add an account").click()
    page.get_by_label("Access token").fill(DEMO_ACCESS_TOKEN)
    page.get_by_label("Note or email").fill("dave@example.com")
    picture(page, "dialog_account")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    row = page.locator("[data-account]")
    row.get_by_text("dave@example.com").wait_for()
    row.get_by_text("ready").wait_for()
    assert document(site)["chatgpts"][0]["access_token"] == DEMO_ACCESS_TOKEN
    assert site.file.with_name("app.dev.yaml.bak").read_text() == PLAIN

    row.get_by_role("button", name="Test").click()
    page.locator(".toast.good").filter(has_text="Done.").wait_for()

    row.get_by_role("button", name="Edit").click()
    page.get_by_label("Note or email").fill("renamed@example.com")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    row.get_by_text("renamed@example.com").wait_for()
    (entry,) = document(site)["chatgpts"]
    assert entry["access_token"] == DEMO_ACCESS_TOKEN  # left blank: it stays

    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("No account yet.").wait_for()
    assert "chatgpts" not in document(site)


def test_an_account_is_switched_off_and_on(serve: Serve, new_page: NewPage) -> None:
    site = serve(f"{PLAIN}chatgpts:\n- access_token: {DEMO_ACCESS_TOKEN}\n")
    page = new_page()
    log_in(page, site, "/admin#accounts")
    row = page.locator("[data-account]")
    row.get_by_role("button", name="Disable").click()
    row.get_by_text("disabled").wait_for()
    assert document(site)["chatgpts"][0]["disabled"] == "true"
    row.get_by_role("button", name="Enable").click()
    row.get_by_text("ready").wait_for()


def test_a_resting_account_is_reset(serve: Serve, new_page: NewPage) -> None:
    site = serve(SETTINGS)
    fill_up(site.gateway)
    page = new_page()
    log_in(page, site, "/admin#accounts")
    row = page.locator("[data-account]").filter(has_text="ann@example.com")
    row.get_by_text("resting").wait_for()
    left = row.get_by_text("gpt-5:").locator(".count").inner_text()
    assert re.fullmatch(r"01:0\d:\d\d", left)
    quotas = row.locator(".quota")
    assert quotas.count() == 4
    assert quotas.nth(1).inner_text().split("\n")[:2] == ["Codex 7 d", "100 %"]
    assert quotas.nth(2).inner_text().split("\n")[:2] == ["research", "0 left"]
    row.get_by_role("button", name="Reset").click()
    row.get_by_text("ready").wait_for()
    assert quotas.count() == 0, "they are forgotten with the rest"
    out = page.locator("[data-account]").filter(has_text="bob@example.com")
    assert "The refresh token was revoked." in out.inner_text()


def test_a_key_is_made_and_works_at_once(
    serve: Serve, new_page: NewPage, picture: "Picture"
) -> None:
    site = serve(f"{PLAIN}chatgpts:\n- access_token: {DEMO_ACCESS_TOKEN}\n")
    page = new_page()
    log_in(page, site)
    page.get_by_role("link", name="Keys").click()
    page.get_by_role("button", name="Add a key").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[name=name]").fill("Eve")
    dialog.get_by_role("button", name="Make one").click()
    key = dialog.locator("input[name=key]").input_value()
    dialog.get_by_label("Requests per minute").fill("1")
    picture(page, "dialog_key")
    dialog.get_by_role("button", name="Save").click()
    page.get_by_text("Eve", exact=True).wait_for()
    ask = {"model": "auto", "messages": [{"role": "user", "content": "Hello?"}]}
    headers = {"authorization": f"Bearer {key}"}
    answers = [
        httpx.post(f"{site.url}/v1/chat/completions", json=ask, headers=headers).status_code
        for _ in range(2)
    ]
    assert answers == [200, 429]
    row = page.get_by_role("row").filter(has=page.get_by_text("Eve", exact=True))
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    row.wait_for(state="detached")
    refused = httpx.post(f"{site.url}/v1/chat/completions", json=ask, headers=headers)
    assert refused.status_code == 401


def test_a_save_over_somebody_elses_is_refused_and_nothing_is_lost(
    serve: Serve, new_page: NewPage
) -> None:
    site = serve(SETTINGS)
    page = new_page()
    log_in(page, site, "/admin#settings")
    page.get_by_role("heading", name="Global proxies").wait_for()
    theirs = SETTINGS.replace("ann@example.com", "changed@example.com")
    site.file.write_text(theirs)
    proxies = page.locator("section.card").filter(has_text="Global proxies")
    proxies.get_by_role("button", name="Delete").click()
    page.get_by_text("Somebody else saved in between").wait_for()
    assert site.file.read_text() == theirs


def test_proxies_and_prefixes_are_added_and_taken_out(serve: Serve, new_page: NewPage) -> None:
    site = serve(SETTINGS)
    page = new_page()
    log_in(page, site, "/admin#settings")
    prefixes = page.locator("section.card").filter(has_text="Private prefixes")
    prefixes.get_by_role("button", name="Add").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("px-0123456789abcdef-")
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    prefixes.get_by_text("px-…def-").wait_for()
    proxies = page.locator("section.card").filter(has_text="Global proxies")
    assert proxies.locator("code").inner_text() == "socks5h://…@proxy.example:1080"
    proxies.get_by_role("button", name="Delete").click()
    proxies.get_by_text("Nothing here.").wait_for()
    tree = document(site)
    assert tree["auth"]["access_token_prefix"] == ["px-0123456789abcdef-"]
    assert "proxy" not in tree
    assert site.file.read_text().startswith("# kept as it is\n")


def test_what_cannot_be_used_is_not_saved(serve: Serve, new_page: NewPage) -> None:
    site = serve(SETTINGS)
    page = new_page()
    log_in(page, site, "/admin#settings")
    proxies = page.locator("section.card").filter(has_text="Global proxies")
    proxies.get_by_role("button", name="Add").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("ftp://nowhere")
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    page.get_by_text("expected a proxy URL").wait_for()
    assert page.get_by_role("dialog").is_visible()
    assert site.file.read_text() == SETTINGS


def test_many_accounts_are_pasted_and_cleared(
    serve: Serve, new_page: NewPage, picture: "Picture"
) -> None:
    site = serve(PLAIN)
    page = new_page()
    log_in(page, site, "/tokens")
    page.get_by_label("Accounts, one a line").fill(
        "# mine\nrt_one_0123456789  # a comment\nword\n"
        '{"tokens": {"refresh_token": "rt_two_0123456789", "account_id": "acc-2"}}\n'
    )
    page.get_by_role("button", name="Upload").click()
    page.get_by_text("2 added, 1 not understood: line 3").wait_for()
    picture(page, "tokens_uploaded")
    assert [one["refresh_token"] for one in document(site)["chatgpts"]] == [
        "rt_one_0123456789",
        "rt_two_0123456789",
    ]
    page.set_input_files(
        "input[type=file]",
        {
            "name": "auth.json",
            "mimeType": "application/json",
            "buffer": b'{"refresh_token":"rt_3"}',
        },
    )
    page.locator("strong.big").filter(has_text="3").wait_for()
    page.get_by_role("button", name="Clear all").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.locator("strong.big").filter(has_text="0").wait_for()
    assert "chatgpts" not in document(site)


def test_the_doctor_shows_each_stage(serve: Serve, new_page: NewPage, picture: "Picture") -> None:
    site = serve(SETTINGS.replace("proxy: socks5h://user:hush@proxy.example:1080\n", ""))
    page = new_page()
    log_in(page, site, "/doctor")
    page.get_by_role("button", name="Examine all").click()
    well = page.locator("[data-account]").filter(has_text="ann@example.com")
    ill = page.locator("[data-account]").filter(has_text="bob@example.com")
    well.locator(".state.good").wait_for()
    ill.locator(".state.bad").wait_for()
    page.locator("[data-account]").nth(2).locator(".stages").wait_for()
    assert well.locator(".stages li.ok").count() == 9
    assert ill.locator(".stages li.failed b").inner_text() == "connect"
    assert "hush" not in page.content()
    picture(page, "doctor_found")


def test_a_change_of_the_file_is_picked_up_without_a_restart(serve: Serve) -> None:
    site = serve(PLAIN)
    headers = {"authorization": f"Bearer {ADMIN}"}

    def count() -> int:
        answer = httpx.get(f"{site.url}/v1/accTokens", headers=headers)
        assert answer.status_code == 200
        total: int = answer.json()["count"]
        return total

    assert count() == 0
    site.file.write_text(f"{PLAIN}chatgpts:\n- access_token: {DEMO_ACCESS_TOKEN}\n")

    end = time.monotonic() + 10
    while count() != 1:
        assert time.monotonic() < end, "the change was never seen"
        time.sleep(0.05)
