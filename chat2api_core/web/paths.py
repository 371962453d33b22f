"""A table of paths, some of them with open parts, and the search in it.

In: templates such as ``/v1/files/{file}/content``; a path. Out: what the table has for it, and what
the open parts say. ``{name}`` stands for one part of a path, ``{name:path}`` at a template's end
for all that is left, slashes included; neither stands for nothing. The one rule: an exact path wins
over an open one, and among open ones the first of the table.

A web framework's router does the same, but is a fifth of all that a cold chat request imports.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

_REST = ":path"


def mount(scope: Mapping[str, object]) -> str:
    """Where a server has mounted the application, as ``/below``; empty where it has not."""
    return str(scope.get("root_path", "")).rstrip("/")


def own_path(scope: Mapping[str, object]) -> str:
    """The path of an ASGI scope, below where the application is mounted."""
    path, above = str(scope["path"]), mount(scope)
    if above and (path == above or path.startswith(f"{above}/")):
        return path[len(above) :] or "/"
    return path


class Paths(Generic[T]):
    """Look paths up with ``find``. Raises ``ValueError`` for a template that means nothing."""

    def __init__(self, table: Mapping[str, T]) -> None:
        self._exact: dict[str, T] = {}
        self._open: list[tuple[_Template, T]] = []
        for template, entry in table.items():
            if "{" in template:
                self._open.append((_Template(template), entry))
            else:
                self._exact[template] = entry

    def find(self, path: str) -> tuple[T, dict[str, str]] | None:
        """The entry for a path and its open parts by name; None where there is none."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact, {}
        parts = path.split("/")
        for template, entry in self._open:
            found = template.match(parts)
            if found is not None:
                return entry, found
        return None


class _Template:
    """A template, cut at its slashes."""

    def __init__(self, text: str) -> None:
        *front, last = text.split("/")
        self._rest = last.startswith("{") and last.endswith(_REST + "}")
        if self._rest:
            last = last.replace(_REST, "")
        self._parts = [*front, last]
        for part in self._parts:
            if "{" in part and not part.removeprefix("{").removesuffix("}").isidentifier():
                raise ValueError(f"{part!r} in {text!r} is no open part")

    def match(self, parts: Sequence[str]) -> dict[str, str] | None:
        size = len(self._parts)
        if self._rest and len(parts) > size:
            parts = [*parts[: size - 1], "/".join(parts[size - 1 :])]
        if len(parts) != size:
            return None
        found: dict[str, str] = {}
        for wanted, part in zip(self._parts, parts, strict=True):
            if wanted[:1] == "{":
                if not part:
                    return None
                found[wanted[1:-1]] = part
            elif wanted != part:
                return None
        return found
