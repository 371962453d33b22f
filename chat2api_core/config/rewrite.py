"""Whole sections of a settings file anew; the rest of its text stays as its owner wrote it. Pure.

In: the text of a YAML file, and the value that each section (a key of the top level) shall have; ""
takes the section out. Out: the new text. A section that does not change keeps its comments; one
that does is written afresh. The one rule: lines are put in place of others only if what comes out
reads back as exactly what it shall say; else the whole text is written afresh.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from chat2api_core.config.error import Mismatch
from chat2api_core.config.tree import NULLS, Tree, read_tree


def rewrite(text: str, sections: Mapping[str, Tree]) -> str:
    """The text with these sections. Raises ``Mismatch`` where it is not readable."""
    tree = read_tree(text)
    root = {} if tree == "" else tree
    if not isinstance(root, dict):
        raise Mismatch("keys and values")
    wanted: dict[str, Tree] = {**root, **sections}
    wanted = {name: value for name, value in wanted.items() if _said(value)}
    changed = {name: value for name, value in sections.items() if root.get(name, "") != value}
    after = _spliced(text, changed)
    if _without_nothing(after) != wanted:
        after = _dump(wanted)  # a file of a form that does not come apart by lines
    return after


def _without_nothing(text: str) -> dict[str, Tree] | None:
    try:
        tree = read_tree(text)
    except Mismatch:
        return None
    root = tree if isinstance(tree, dict) else {}
    return {name: value for name, value in root.items() if _said(value)}


def _said(value: Tree) -> bool:
    return value not in ("", [], {})


def _spliced(text: str, changed: Mapping[str, Tree]) -> str:
    """The text with the lines of each changed section replaced, or new ones behind all others."""
    lines = text.splitlines(keepends=True)
    spans = _spans(text, lines)
    for name in sorted(changed, key=lambda one: spans.get(one, (len(lines), 0)), reverse=True):
        value = changed[name]
        new = _dump({name: value}).splitlines(keepends=True) if _said(value) else []
        start, end = spans.get(name, (len(lines), len(lines)))
        if start and new and not lines[start - 1].endswith("\n"):
            lines[start - 1] += "\n"
        lines[start:end] = new
    return "".join(lines)


def _spans(text: str, lines: list[str]) -> dict[str, tuple[int, int]]:
    """The lines of each section: from that of its key to that before the next one's, without the
    comments and blank lines that lead in what follows."""
    root = yaml.compose(text, Loader=yaml.BaseLoader)
    if not isinstance(root, yaml.MappingNode):
        return {}
    starts = [(key.value, key.start_mark.line) for key, _ in root.value]
    ends = [line for _, line in starts[1:]] + [len(lines)]
    spans = {}
    for (name, start), end in zip(starts, ends, strict=True):
        last = end
        while last > start + 1 and _leads_in(lines[last - 1]):
            last -= 1
        spans[name] = (start, last)
    return spans


def _leads_in(line: str) -> bool:
    return not line.strip() or line.startswith("#")


class _Dumper(
    yaml.emitter.Emitter,
    yaml.serializer.Serializer,
    yaml.representer.SafeRepresenter,
    yaml.resolver.BaseResolver,
):
    """Writes text without quotes wherever it is read back as the same text."""

    def __init__(self, stream: Any, **_: object) -> None:
        yaml.emitter.Emitter.__init__(self, stream, width=100, allow_unicode=True)
        yaml.serializer.Serializer.__init__(self)
        yaml.representer.SafeRepresenter.__init__(self, default_flow_style=False, sort_keys=False)
        yaml.resolver.BaseResolver.__init__(self)

    def ignore_aliases(self, _: object) -> bool:
        return True


def _text(dumper: _Dumper, data: str) -> yaml.Node:
    style = "'" if data in NULLS else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _text)


def _dump(tree: Mapping[str, Tree]) -> str:
    if not tree:
        return ""
    out: str = yaml.dump(dict(tree), Dumper=_Dumper)
    return out
