"""What a bad setting is told by: its name and what was expected, never the value itself.

A value may be a token, or a line that slipped by one place in a file; so no value is ever echoed,
and the exceptions of parsers, which quote what they choked on, are not chained to ours.
"""

import re

_PLAIN_NAME = r"[A-Za-z][A-Za-z0-9_]{0,29}"


class SettingsError(Exception):
    """The setting ``variable`` (a variable's name, or a file and the key in it) does not hold what
    was ``expected``."""

    def __init__(self, variable: str, expected: str) -> None:
        super().__init__(f"{variable}: expected {expected}")
        self.variable = variable
        self.expected = expected


class Mismatch(Exception):
    """A value is not of its form. Becomes a ``SettingsError`` where the setting's name is known.

    ``place`` leads from the setting to the bad part, such as ``[2].type``; ``expected`` is empty
    where the form's own words will do."""

    def __init__(self, expected: str = "", place: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.place = place

    def named(self, variable: str, expected: str = "") -> SettingsError:
        """The error to show for the setting ``variable`` whose form expects ``expected``."""
        return SettingsError(variable + self.place, self.expected or expected)


def shown_key(key: str) -> str:
    """A key of a document as it may be shown: itself, unless it could be a misplaced secret."""
    return key if re.fullmatch(_PLAIN_NAME, key, re.ASCII) else "(a key that is not a plain name)"
