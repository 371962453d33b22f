"""``python -m chat2api_core``: the plain server, the same application as on every other host.

``python -m chat2api_core login`` is another command: it signs in to an account.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from chat2api_core.ambient import SystemIds
from chat2api_core.config import Settings, SettingsError, load, write_auth_token
from chat2api_core.secret import Secret

_EPILOG = """
"python -m chat2api_core login" signs in to an account; "login --help" says how.
Settings come from environment variables and, if there is one, from conf/app.<ENV>.yaml; the README
lists them. Without an account the built-in emulator of ChatGPT answers, so everything can be tried.
"""


def _arguments(words: Sequence[str], settings: Settings) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m chat2api_core",
        usage="%(prog)s [login] [options]",
        description="Serve an OpenAI-compatible API in front of ChatGPT accounts.",
        epilog=_EPILOG,
    )
    parser.add_argument("--host", default=settings.bind, help="address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=settings.port, help="default: %(default)s")
    parser.add_argument(
        "--emulator", action="store_true", help="answer by the emulator even with an account"
    )
    return parser.parse_args(words)


def main(argv: list[str] | None = None) -> int:
    """Serve until interrupted, or sign in where the first word is ``login``. Returns the exit
    status: 2 for settings that cannot be used."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["login"]:
        from chat2api_core.login import main as sign_in  # noqa: PLC0415 (the server needs it not)

        return sign_in(words[1:])
    try:
        settings = load(os.environ, cwd=Path.cwd())
    except SettingsError as error:
        return _fail(str(error))
    options = _arguments(words, settings)
    try:
        from chat2api_core.server import serve  # noqa: PLC0415 (--help needs no server)
    except ModuleNotFoundError as error:
        return _fail(f"{error.name} is missing; install the server extra: pip install '.[server]'")
    settings = structs.replace(settings, bind=options.host, port=options.port)
    settings, key_origin = _with_key(settings)
    try:
        serve(settings, emulate=options.emulator, key_origin=key_origin)
    except OSError as error:
        return _fail(f"cannot listen on {options.host}:{options.port}: {error.strerror or error}")
    return 0


def _fail(message: str) -> int:
    print(f"chat2api: {message}", file=sys.stderr)  # noqa: T201 (a command speaks to its user)
    return 2


def _with_key(settings: Settings) -> tuple[Settings, str]:
    """The settings with a local key: a fresh one where none is configured. A server at a desk has
    to be usable at once and still must not be open to everybody who reaches its port."""
    if settings.auth_tokens or settings.api_keys or settings.access_token_prefixes:
        return settings, "configured"
    key = Secret("sk-" + SystemIds().hex(48))
    origin = "made for this run"
    if settings.config_file is not None:
        write_auth_token(settings.config_file, key)
        origin = f"made now and written to {settings.config_file}"
    return structs.replace(settings, auth_tokens=(key,)), origin


if __name__ == "__main__":
    sys.exit(main())
