"""``python -m chat2api_core.emulator``: the emulator as a server of its own."""

import argparse
import socket
import sys
from pathlib import Path

import uvicorn

from chat2api_core.emulator.accounts import Account, read_accounts
from chat2api_core.emulator.app import Emulator
from chat2api_core.emulator.script import Demands
from chat2api_core.emulator.tokens import DEMO_ACCESS_TOKEN
from chat2api_core.port import port

_BACKLOG = 2048


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parse = argparse.ArgumentParser(
        prog="python -m chat2api_core.emulator",
        description="Serve an emulator of the ChatGPT web backend and of its auth host. Set "
        "CHATGPT_BASE_URL (and CHATGPT_AUTH_URL) to its address to talk to it.",
    )
    parse.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parse.add_argument("--port", type=port, default=3041, help="0 takes a free one (%(default)s)")
    parse.add_argument(
        "--delay-ms", type=float, default=0, help="time that each token takes (%(default)s)"
    )
    parse.add_argument(
        "--difficulty",
        default="0fffff",
        metavar="HEX",
        help="of the proof of work; smaller is harder, '' asks for none (%(default)s)",
    )
    for name, usual in (("turnstile", "announced"), ("arkose", "off")):
        parse.add_argument(
            f"--{name}",
            choices=("off", "announced", "enforced"),
            default=usual,
            help="whether it is announced and missed (%(default)s)",
        )
    parse.add_argument("--no-sentinel", action="store_true", help="ask for no sentinel headers")
    parse.add_argument("--auth-key", default="", help="demand this in a header named auth_key")
    parse.add_argument(
        "--accounts",
        type=Path,
        metavar="FILE",
        help="JSON list of accounts; without it every token of the emulator's own make is taken",
    )
    parse.add_argument(
        "--control", action="store_true", help="allow scripts over HTTP at /__emulator__/"
    )
    return parse


def build(options: argparse.Namespace) -> Emulator:
    """The emulator that these options ask for. Raises ``ValueError`` or ``OSError`` for accounts
    that cannot be read."""
    accounts: list[Account] | None = None
    if options.accounts is not None:
        accounts = read_accounts(options.accounts.read_bytes())
    return Emulator(
        accounts=accounts,
        demands=Demands(
            difficulty=options.difficulty, turnstile=options.turnstile, arkose=options.arkose
        ),
        sentinel=not options.no_sentinel,
        auth_key=options.auth_key,
        delay=options.delay_ms / 1000,
        control=options.control,
    )


def main() -> int:
    """Serve until interrupted. One line on standard output says when it is ready. Returns the exit
    status: 2 for accounts that cannot be read, or an address that cannot be listened on."""
    options = parser().parse_args()
    try:
        _serve(build(options), options)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"emulator: {error}\n")
        return 2
    return 0


def _serve(emulator: Emulator, options: argparse.Namespace) -> None:
    """Raises ``OSError`` where the address cannot be listened on."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
        listener.listen(_BACKLOG)
        number = listener.getsockname()[1]
        sys.stdout.write(
            f"The ChatGPT emulator listens on http://{options.host}:{number} "
            f"(demo access token: {DEMO_ACCESS_TOKEN})\n"
        )
        sys.stdout.flush()
        # Broken-off streams are the emulator's trade: the server need not report them.
        config = uvicorn.Config(emulator, access_log=False, log_level="critical", lifespan="off")
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    sys.exit(main())
