"""``python -m tests.bench``: measures the server against the emulator and prints a table.

Three processes: the server (``python -m chat2api_core``), the emulator that stands for ChatGPT, and
the load. Figures of different machines do not compare; ratios nearly do.
"""

import argparse
import pstats
import sys

from tests.bench.measure import MEASUREMENTS, Plan
from tests.bench.report import machine, yardstick

_SHOWN = 40  # functions of a profile


def _plan(options: argparse.Namespace) -> Plan:
    settings = dict(item.partition("=")[::2] for item in options.set)
    quick = bool(options.quick or options.profile)
    return Plan(
        repetitions=1 if quick else 3,
        size=0.3 if quick else 1.0,
        settings=settings,
        profile=options.profile,
    )


def main() -> int:
    """Measure what is asked for, one table after the other. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short repetition, not three")
    parser.add_argument(
        "--only", action="append", choices=MEASUREMENTS, help="measure this; may be repeated"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the server"
    )
    parser.add_argument(
        "--profile",
        default="",
        metavar="FILE",
        help="run the server under cProfile and write its profile; the figures mean little then",
    )
    options = parser.parse_args()
    plan = _plan(options)
    _say(f"{machine()}; medians of {plan.repetitions}\n")
    try:
        for name in options.only or MEASUREMENTS:
            _say(MEASUREMENTS[name](plan).text() + "\n")
    except RuntimeError as error:
        _say(f"Not measured: {error}")
        return 1
    if plan.profile:
        pstats.Stats(plan.profile).sort_stats("tottime").print_stats(_SHOWN)
    _say(f"{yardstick():.0f} ms for the loop at the end")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
