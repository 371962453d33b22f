"""YAML and JSON text to one plain shape: text, lists and mappings. Pure.

Scalars stay text, so that a value reads the same in a file and in a variable (``on``, ``010`` and
dates keep their letters); null is the empty text, which means unset. A key that stands twice is
refused. The YAML parser is imported only when YAML is really read: it costs a cold start 20 ms.
"""

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from chat2api_core.config.error import Mismatch, shown_key

if TYPE_CHECKING:
    import yaml

Tree: TypeAlias = "str | list[Tree] | dict[str, Tree]"

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_DEPTH = 8


def read_tree(text: str) -> Tree:
    """JSON or YAML to a tree. Raises ``Mismatch``, which names the line but quotes nothing."""
    if not text.lstrip().startswith(("[", "{")):
        return _read_yaml(text)
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return _read_yaml(text)  # flow style YAML looks the same from outside
    return _from_json(value, 0)


def _read_yaml(text: str) -> Tree:
    import yaml  # noqa: PLC0415 (see the head of this file)

    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" (see line {mark.line + 1})" if mark else ""
        raise Mismatch(f"readable YAML or JSON{line}") from None  # the cause quotes the text
    except (yaml.YAMLError, RecursionError):
        raise Mismatch("readable YAML or JSON") from None
    return "" if node is None else _from_yaml(node, 0)


def _from_yaml(node: "yaml.Node", depth: int) -> Tree:
    import yaml  # noqa: PLC0415 (see the head of this file)

    _bound(depth)
    if isinstance(node, yaml.ScalarNode):
        plain_null = node.style is None and node.value in NULLS
        return "" if plain_null else str(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_from_yaml(item, depth + 1) for item in node.value]
    tree: dict[str, Tree] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise Mismatch(f"a plain name as key (see line {key.start_mark.line + 1})")
        if key.value in tree:
            line = key.start_mark.line + 1
            raise Mismatch(f"the key {shown_key(key.value)} only once (see line {line})")
        tree[key.value] = _from_yaml(value, depth + 1)
    return tree


def _from_json(value: object, depth: int) -> Tree:
    _bound(depth)
    if isinstance(value, dict):
        return {str(key): _from_json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_from_json(item, depth + 1) for item in value]
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bound(depth: int) -> None:
    if depth > _DEPTH:
        raise Mismatch(f"no more than {_DEPTH} levels of nesting")
