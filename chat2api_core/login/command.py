"""``python -m chat2api_core login``: sign in to an account for the Codex upstream.

Three ways: a code to enter on any device (the default), a browser on this machine, or a file of a
client that is signed in already. The account object goes to standard output, alone, so that it can
be piped; everything for people goes to standard error.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from chat2api_core.accounts.account import Account
from chat2api_core.ambient import Clock, Ids, SystemClock, SystemIds
from chat2api_core.config import Settings, SettingsError, load
from chat2api_core.config.dotenv import environment
from chat2api_core.login import pkce
from chat2api_core.login.authority import PATIENCE, Authority, Sleep
from chat2api_core.login.callback import listening
from chat2api_core.login.forms import of_tokens, read_file, to_object
from chat2api_core.login.shelf import store
from chat2api_core.port import port
from chat2api_core.problem import Problem
from chat2api_core.transport import Transport

_EPILOG = """
The account object is printed for CHATGPT_ACCOUNTS or for the list "chatgpts" of the settings file.
It holds tokens that open the account: keep it as you keep a password.
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parse = argparse.ArgumentParser(
        prog="python -m chat2api_core login",
        description="Sign in to a ChatGPT account for the Codex upstream.",
        epilog=_EPILOG,
    )
    way = parse.add_mutually_exclusive_group()
    way.add_argument(
        "--device", action="store_true", help="show a code to enter in any browser (the default)"
    )
    way.add_argument(
        "--browser", action="store_true", help="sign in with a browser on this machine"
    )
    way.add_argument(
        "--import",
        dest="file",
        type=Path,
        metavar="FILE",
        help="take over auth.json of the Codex client, or an account file of CLIProxyAPI",
    )
    parse.add_argument(
        "--store", type=Path, metavar="FILE", help="put the account into this JSON list, too"
    )
    parse.add_argument(
        "--port", type=port, default=pkce.CALLBACK_PORT, help="for the browser (%(default)s)"
    )
    return parse


def main(
    argv: Sequence[str] | None = None,
    *,
    settings: Settings | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
    sleep: Sleep = asyncio.sleep,
    show: Callable[[str], None] | None = None,
) -> int:
    """Sign in and print the account. Returns the exit status: 1 where it did not work, 2 for
    settings that cannot be used. Tests give fakes; ``show`` tells people what to do."""
    options = parser().parse_args(argv)
    tell = show or _tell
    try:
        folder = Path.cwd()
        known = settings or load(environment(os.environ, folder), cwd=folder)
        session = Session(
            known, clock=clock or SystemClock(), ids=ids or SystemIds(), sleep=sleep, tell=tell
        )
        account = asyncio.run(session.sign_in(options))
        found = to_object(account)
        if options.store is not None:
            count = store(options.store, found)
            tell(f"Stored in {options.store}, which now holds {count} account(s).")
    except SettingsError as error:
        tell(f"chat2api: {error}")
        return 2
    except Problem as problem:
        tell(f"chat2api: {problem.message}")
        return 1
    except OSError as error:
        tell(f"chat2api: {error.strerror or error}: {error.filename or ''}".rstrip(": "))
        return 1
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    return 0


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 (a command speaks to its user)


class Session:
    """One run of the command."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        ids: Ids,
        sleep: Sleep,
        tell: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._sleep = sleep
        self._tell = tell

    async def sign_in(self, options: argparse.Namespace) -> Account:
        """The account, by the way that the options choose. Raises ``Problem`` or ``OSError``."""
        if options.file is not None:
            return read_file(options.file.read_bytes())
        settings = self._settings
        transport = Transport(
            backend="httpx",
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
        )
        authority = Authority(
            transport,
            url=settings.auth_url,
            user_agent=settings.user_agent,
            clock=self._clock,
            proxy=settings.proxies[0].reveal() if settings.proxies else "",
            sleep=self._sleep,
        )
        try:
            if options.browser:
                return await self._by_browser(authority, options.port)
            return await self._by_device(authority)
        finally:
            await transport.aclose()

    async def _by_device(self, authority: Authority) -> Account:
        device = await authority.begin_device()
        self._tell(f"Open {device.page} and enter the code {device.user_code}")
        return of_tokens(await authority.wait_for_device(device))

    async def _by_browser(self, authority: Authority, port: int) -> Account:
        attempt = pkce.begin(self._ids, port)

        def read(target: str) -> str | None:
            return pkce.read_callback(target, attempt)

        async with listening(port, read) as callback:
            self._tell(f"Open this page:\n\n{pkce.page(attempt, self._settings.auth_url)}\n")
            code = await callback.code(PATIENCE)
        tokens = await authority.redeem(code, attempt.verifier, attempt.redirect_uri)
        return of_tokens(tokens)
