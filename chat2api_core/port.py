"""A port as a command line has it."""

import argparse

_LAST = 65_535


def port(text: str) -> int:
    """The number of a port; 0 stands for a free one. Raises ``ArgumentTypeError``."""
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= _LAST):
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {_LAST}")
    return int(text)
