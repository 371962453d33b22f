"""One more local key into the YAML file, by the smallest edit of its text.

The parser is asked only where things stand; everything that the user wrote, comments and order and
line ends included, stays as it is. The one rule: what is written has been read back first and says
what it said before plus the key, else nothing is written.
"""

import json
from pathlib import Path
from typing import NamedTuple

import yaml

from chat2api_core.config.error import Mismatch, SettingsError
from chat2api_core.config.forms import SECRET, many
from chat2api_core.config.replacement import replace_file
from chat2api_core.config.tree import NULLS, Tree, read_tree
from chat2api_core.secret import Secret

_SECTION = "auth"
_KEY = "access_tokens"
_EDITABLE = "a YAML file that a local key can be added to"


class _Splice(NamedTuple):
    """Replace the characters from ``start`` to ``end`` by ``text``, whose line ends are ``\\n``."""

    start: int
    end: int
    text: str


def write_auth_token(path: Path, token: Secret) -> None:
    """Put ``token`` first into ``auth.access_tokens``, in place of an older text, all or nothing.

    A symbolic link stays one; the file's permissions stay. Raises ``SettingsError`` naming the
    path where the file cannot be read, edited or written."""
    try:
        real = path.resolve(strict=True)
        before = real.read_bytes().decode()
        after = add_auth_token(before, token.reveal())
        replace_file(real, after.encode())
    except (Mismatch, UnicodeDecodeError):
        raise SettingsError(str(path), _EDITABLE) from None  # the cause may quote the file
    except OSError as error:
        raise SettingsError(str(path), "a file that can be read and written") from error


def add_auth_token(text: str, token: str) -> str:
    """The text of a settings file with one more local key. Pure. Raises ``Mismatch`` where the text
    is not readable YAML or its ``auth`` is not what it should be."""
    wanted = _expected(read_tree(text), token)
    start, end, new = _splice(text, yaml.compose(text, Loader=yaml.BaseLoader), token)
    after = text[:start] + (new.replace("\n", "\r\n") if "\r\n" in text else new) + text[end:]
    if read_tree(after) != wanted:
        raise Mismatch
    return after


def _expected(tree: Tree, token: str) -> Tree:
    """What the file must say afterwards."""
    root = {} if tree == "" else tree
    section = (root.get(_SECTION) or {}) if isinstance(root, dict) else ""
    if not isinstance(root, dict) or not isinstance(section, dict):
        raise Mismatch
    old = section.get(_KEY, "")
    keys = [token, *(old if isinstance(old, list) else _keys(old))]
    return {**root, _SECTION: {**section, _KEY: keys}}


def _keys(tree: Tree) -> list[str]:
    return [key.reveal() for key in many(SECRET).read(tree)]


def _splice(text: str, root: yaml.Node | None, token: str) -> _Splice:
    """Where the key goes. Wrong guesses on exotic YAML are caught by reading back."""
    item = json.dumps(token)
    section = _child(root, _SECTION)
    if section is None:
        return _new_section(text, root, item)
    if isinstance(section, yaml.ScalarNode):
        return _instead(text, section, f"{{{_KEY}: [{item}]}}")
    keys = _child(section, _KEY)
    if keys is None:
        return _new_keys(section, item)
    if isinstance(keys, yaml.ScalarNode):
        items = [token, *_keys(keys.value if keys.value not in NULLS else "")]
        return _instead(text, keys, json.dumps(items))
    return _inside(keys, item) if keys.flow_style else _before(keys, f"- {item}")


def _new_section(text: str, root: yaml.Node | None, item: str) -> _Splice:
    """A section of its own, behind all others."""
    if isinstance(root, yaml.MappingNode) and root.flow_style:
        return _inside(root, f"{_SECTION}: {{{_KEY}: [{item}]}}")
    end = root.end_mark.index if root else len(text)
    gap = "\n" if end and text[end - 1] != "\n" else ""
    return _Splice(end, end, f"{gap}{_SECTION}:\n  {_KEY}:\n    - {item}\n")


def _new_keys(section: yaml.CollectionNode, item: str) -> _Splice:
    """The list of keys, first in its section."""
    if section.flow_style:
        return _inside(section, f"{_KEY}: [{item}]")
    return _before(section, f"{_KEY}:\n{_indent(section)}  - {item}")


def _child(node: yaml.Node | None, name: str) -> yaml.CollectionNode | yaml.ScalarNode | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if key.value == name), None)


def _indent(node: yaml.Node) -> str:
    return " " * node.start_mark.column


def _before(node: yaml.Node, line: str) -> _Splice:
    """A new first entry of a collection in block style."""
    start = node.start_mark.index
    return _Splice(start, start, f"{line}\n{_indent(node)}")


def _inside(node: yaml.Node, entry: str) -> _Splice:
    """A new first entry of a collection in brackets."""
    start = node.start_mark.index + 1
    return _Splice(start, start, f"{entry}, " if node.value else entry)


def _instead(text: str, node: yaml.Node, value: str) -> _Splice:
    """A value in place of a scalar, which may be the nothing behind a colon."""
    start, end = node.start_mark.index, node.end_mark.index
    gap = " " if text[start - 1] == ":" else ""
    return _Splice(start, end, gap + value + ("\n" if text[start:end].endswith("\n") else ""))
