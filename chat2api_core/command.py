"""The command line: serve, the same application as on every other host, or ``login``.

In: the words behind ``python -m chat2api_core``. Out: an exit status, and for people what is wrong
and what to do about it, on standard error.
"""

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from chat2api_core import __version__
from chat2api_core.ambient import SystemIds
from chat2api_core.config import Settings, SettingsError, load, write_auth_token
from chat2api_core.config.dotenv import environment
from chat2api_core.port import port
from chat2api_core.secret import Secret

_EPILOG = """
"python -m chat2api_core login" signs in to an account; "login --help" says how.
Settings come from environment variables and, if there are such files, from .env and
conf/app.<ENV>.yaml; docs/settings.md lists them. Without an account the built-in emulator of
ChatGPT answers, so everything can be tried.
"""


def main(argv: Sequence[str]) -> int:
    """Serve until interrupted, or sign in where the first word is ``login``. Returns the exit
    status: 2 for words or settings that cannot be used."""
    if argv[:1] == ["login"]:
        from chat2api_core.login import main as sign_in  # noqa: PLC0415 (the server needs it not)

        return sign_in(argv[1:])
    try:
        environ = environment(os.environ, Path.cwd())
        settings = load(environ, cwd=Path.cwd())
    except SettingsError as error:
        # Asking for help or with wrong words has to work with wrong settings, too.
        _arguments(argv, Settings())
        return _fail(f"{error} (docs/settings.md tells of each setting)")
    options = _arguments(argv, settings)
    try:
        from chat2api_core.server import serve  # noqa: PLC0415 (--help needs no server)
    except ModuleNotFoundError as error:
        return _fail(f"{error.name} is missing; install the server extra: pip install '.[server]'")
    settings = structs.replace(settings, bind=options.host, port=options.port)
    settings, key_origin = _with_key(settings)
    try:
        serve(settings, emulate=options.emulator, key_origin=key_origin, environ=environ)
    except OSError as error:
        return _fail(_cannot_listen(options.host, options.port, error))
    return 0


def _arguments(argv: Sequence[str], settings: Settings) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m chat2api_core",
        usage="%(prog)s [login] [options]",
        description="Serve an OpenAI-compatible API in front of ChatGPT accounts.",
        epilog=_EPILOG,
    )
    parser.add_argument("--host", default=settings.bind, help="address (default: %(default)s)")
    parser.add_argument(
        "--port", type=port, default=settings.port, help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--emulator", action="store_true", help="answer by the emulator even with an account"
    )
    parser.add_argument("--version", action="version", version=f"chat2api {__version__}")
    options, strange = parser.parse_known_args(argv)
    if strange:
        parser.error(
            f"there is no {strange[0]!r}: without a command the server runs, the one command is"
            " login, and --help lists the options"
        )
    return options


def _cannot_listen(host: str, number: int, error: OSError) -> str:
    """Why the server cannot be reached there, and what helps."""
    # Behind the reason, Python repeats the address.
    reason = (error.strerror or str(error)).partition(" (while")[0]
    said = f"cannot listen on {host}:{number}: {reason}"
    if error.errno == errno.EADDRINUSE:
        return f"{said}. Stop what listens there, or choose another port: --port 0 takes a free one"
    if error.errno == errno.EACCES:
        return f"{said}. Ports below 1024 are for the administrator: choose a higher one by --port"
    return f"{said}. --host takes an address of this machine: 127.0.0.1, or 0.0.0.0 for all of them"


def _with_key(settings: Settings) -> tuple[Settings, str]:
    """The settings with a local key: a fresh one where none is configured. A server at a desk has
    to be usable at once and still must not be open to everybody who reaches its port."""
    if settings.auth_tokens or settings.api_keys or settings.access_token_prefixes:
        return settings, "configured"
    key = Secret("sk-" + SystemIds().hex(48))
    origin = "made for this run; AUTH_TOKENS keeps one"
    if settings.config_file is not None:
        try:
            write_auth_token(settings.config_file, key)
            origin = f"made now and written to {settings.config_file}"
        except SettingsError as error:
            origin = f"made for this run: it could not be written to {error}"
    return structs.replace(settings, auth_tokens=(key,)), origin


def _fail(message: str) -> int:
    print(f"chat2api: {message}", file=sys.stderr)  # noqa: T201 (a command speaks to its user)
    return 2
