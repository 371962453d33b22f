"""Options of the whole suite, and what must not leak from one test into the next."""

import logging
from collections.abc import Iterator

import hypothesis
import pytest

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile(
    "chat2api", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("chat2api")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write what was read as what is expected"
    )


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A test that arranges the log leaves it as it was."""
    logger = logging.getLogger("chat2api")
    handlers, level, propagate = logger.handlers[:], logger.level, logger.propagate
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logger.propagate = propagate
