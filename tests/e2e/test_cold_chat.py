"""What a plain chat loads: on a serverless host every module of the first request is waited for."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

CHAT = """
import sys
import httpx
from chat2api_core.accounts.account import Account
from chat2api_core.ambient import SystemClock, SystemIds
from chat2api_core.config import Settings
from chat2api_core.emulator import DEMO_ACCESS_TOKEN, Emulator
from chat2api_core.secret import Secret
from chat2api_core.server import application, serving
from chat2api_core.wiring import Gateway

def ask(content):
    body = {"model": "auto", "messages": [{"role": "user", "content": content}]}
    headers = {"authorization": "Bearer sk-test-0123456789"}
    answer = httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    loaded = sorted(name for name in sys.modules if name.startswith("chat2api_core."))
    print(" ".join(loaded))

with serving(Emulator()) as there:
    settings = Settings(
        auth_tokens=(Secret("sk-test-0123456789"),),
        accounts=(Account(access_token=Secret(DEMO_ACCESS_TOKEN)),),
        base_urls=(there,),
        http_backend="httpx",
        usage_counter="estimate",
    )
    gateway = Gateway(settings, clock=SystemClock(), ids=SystemIds())
    with serving(application(gateway)) as url:
        ask("Hello?")
        picture = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEAAAAALAAAAAABAAEAAAI="
        ask([{"type": "image_url", "image_url": {"url": picture}}])
"""
SELDOM = ("fetch", "kept.files", "intake", "media", "upstreams.chatgpt_web.uploads")


def _seldom(loaded: str) -> set[str]:
    names = {name.removeprefix("chat2api_core.") for name in loaded.split()}
    return {one for one in SELDOM if one in names}


def test_a_plain_chat_loads_nothing_of_what_files_take() -> None:
    run = subprocess.run(
        [sys.executable, "-c", CHAT],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert run.returncode == 0, run.stderr
    plain, pictured = run.stdout.splitlines()
    assert _seldom(plain) == set()
    # And with a picture just that: nothing is fetched.
    assert _seldom(pictured) == set(SELDOM) - {"fetch"}
