"""``python -m chat2api_core``: what ``command.py`` does, once it is known that it can run.

The one rule: nothing but the standard library is imported before that, in words that old Pythons
read as well. Whoever starts this by a wrong Python is told so, and not shown a traceback.
"""

from __future__ import annotations

import sys

_OLDEST = (3, 11)


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns the exit status: 2 where this Python cannot run it."""
    if sys.version_info < _OLDEST:
        found = ".".join(map(str, sys.version_info[:2]))
        return _refuse(f"Python 3.11 or newer is needed, this is {found}; try python3.12")
    try:
        from chat2api_core import command  # noqa: PLC0415 (see the head of this file)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("chat2api_core"):
            raise
        return _refuse(
            f"{error.name} is not installed for {sys.executable}. In a checkout `make run` installs"
            " all that is needed into .venv; else: pip install '.[server,tokens]'"
        )
    return command.main(sys.argv[1:] if argv is None else argv)


def _refuse(message: str) -> int:
    print("chat2api: " + message, file=sys.stderr)  # noqa: T201 (a command speaks to its user)
    return 2


if __name__ == "__main__":
    sys.exit(main())
