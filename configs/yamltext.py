"""Changing YAML text and nothing else in it: comments, order, quotes and indentation stay.

A value that is there is replaced in place, character by character. Keys are added and removed by ruamel.yaml.
"""

import io
import re
from functools import cache
from typing import Any

import yaml

from .tree import Branch, Items, Text, Tree, leaves

_PLAIN = re.compile(r"[A-Za-z0-9_./%+-]+(?: [A-Za-z0-9_./%+-]+)*")
_SPECIAL = frozenset({"null", "~", "true", "false", "yes", "no", "on", "off", "y", "n"})


def with_value(text: str, path: tuple[str, ...], value: str, kind: str) -> str:
    """The text with the key at `path` set to `value`; `kind` is the shape's."""
    written = written_value(value, kind)
    place = _scalar_place(text, path)
    if place is not None and "\n" not in written:
        start, end = place
        return text[:start] + written + text[end:]
    return _round_trip(text, lambda root: _put(root, path, written))


def without(text: str, path: tuple[str, ...]) -> str:
    """The text without the key at `path`; unchanged when it is not there."""
    return _round_trip(text, lambda root: _drop(root, path))


def written_value(value: str, kind: str) -> str:
    """How a value is written: numbers and plain words bare, everything doubtful in quotes."""
    if kind in ("list", "map", "section"):
        if value.lstrip()[:1] in ("[", "{"):
            return value
        return (
            f"[{', '.join(written_value(part.strip(), 'text') for part in value.split(',') if part.strip())}]"
        )
    looks_typed = (
        value.lower() in _SPECIAL or re.fullmatch(r"[+-]?[\d._]+(?:[eE][+-]?\d+)?", value) is not None
    )
    bare = _PLAIN.fullmatch(value) is not None and not value.startswith(("-", "%"))
    if kind == "text":
        return value if bare and not looks_typed else _quoted(value)
    if kind == "scalar" or bare or re.fullmatch(r"-[\d.]+", value):
        return value if bare or re.fullmatch(r"-[\d.]+", value) else _quoted(value)
    return _quoted(value)


def at(tree: Tree, path: tuple[str, ...]) -> Tree | None:
    """What stands at a path; None when nothing does."""
    found: Tree | None = tree
    for name in path:
        found = found.children.get(name) if isinstance(found, Branch) else None
    return found


def same(left: Tree | None, right: Tree | None) -> bool:
    """Do two trees say the same, wherever they stand?"""
    if isinstance(left, Text) and isinstance(right, Text):
        return left.text == right.text
    if isinstance(left, Items) and isinstance(right, Items):
        pairs = zip(left.items, right.items, strict=False)
        return len(left.items) == len(right.items) and all(same(one, other) for one, other in pairs)
    if isinstance(left, Branch) and isinstance(right, Branch):
        return left.children.keys() == right.children.keys() and all(
            same(child, right.children[name]) for name, child in left.children.items()
        )
    return left is None and right is None


def same_but(left: Tree, right: Tree, path: tuple[str, ...]) -> bool:
    """Do two trees say the same everywhere else than at and below `path`?"""
    others = [
        {place: leaf for place, leaf in leaves(tree) if place[: len(path)] != path} for tree in (left, right)
    ]
    return others[0].keys() == others[1].keys() and all(
        same(leaf, others[1][place]) for place, leaf in others[0].items()
    )


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '"'


def _scalar_place(text: str, path: tuple[str, ...]) -> tuple[int, int] | None:
    """Start and end of the scalar or flow list at a path, in characters; None when there is none."""
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    for name in path:
        if not isinstance(node, yaml.MappingNode):
            return None
        node = next((value for key, value in node.value if key.value == name), None)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return None
    is_flow = isinstance(node, yaml.CollectionNode) and node.flow_style
    if (
        node is None
        or not (isinstance(node, yaml.ScalarNode) or is_flow)
        or node.start_mark.index == node.end_mark.index
    ):
        return None
    return node.start_mark.index, node.end_mark.index


def _round_trip(text: str, change: Any) -> str:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

    editor = YAML(typ="rt")
    editor.Constructor = _exact_constructor()
    editor.preserve_quotes = True
    editor.width = 1_000_000
    editor.representer.add_representer(_Bare, _represent_bare)
    mapping, sequence, offset = _indents(text)
    editor.indent(mapping=mapping, sequence=sequence, offset=offset)
    root = editor.load(text)
    if root is None:
        root = CommentedMap()
    change(root)
    if not root:
        return "".join(line for line in text.splitlines(keepends=True) if line.lstrip().startswith("#"))
    out = io.StringIO()
    editor.dump(root, out)
    head = "" if text.strip() and _has_content(text) else text
    return head + out.getvalue()


def _put(root: Any, path: tuple[str, ...], written: str) -> None:
    from ruamel.yaml.comments import CommentedMap

    here = root
    for name in path[:-1]:
        below = here.get(name)
        if not isinstance(below, CommentedMap):
            below = CommentedMap()
            here[name] = below
        here = below
    here[path[-1]] = _Bare(written) if written[:1] not in '[{"' else _loaded(written)


class _Bare(str):
    """A scalar that is kept exactly as written: ruamel would take long decimals through a float."""

    __slots__ = ()


def _loaded(written: str) -> Any:
    from ruamel.yaml import YAML

    reader = YAML(typ="rt")
    reader.Constructor = _exact_constructor()
    reader.preserve_quotes = True
    return reader.load(written)


@cache
def _exact_constructor() -> Any:
    from ruamel.yaml.constructor import RoundTripConstructor

    def bare(_constructor: Any, node: Any) -> _Bare:
        return _Bare(node.value)

    constructor: Any = type("ExactConstructor", (RoundTripConstructor,), {})
    for kind in ("int", "float", "bool", "timestamp"):
        constructor.add_constructor(f"tag:yaml.org,2002:{kind}", bare)
    return constructor


def _represent_bare(representer: Any, text: _Bare) -> Any:
    from ruamel.yaml.nodes import ScalarNode

    tag = representer.dumper.resolver.resolve(ScalarNode, str(text), (True, False))
    return representer.represent_scalar(tag, str(text))


def _drop(root: Any, path: tuple[str, ...]) -> None:
    parents = [root]
    for name in path[:-1]:
        below = parents[-1].get(name)
        if not isinstance(below, dict):
            return
        parents.append(below)
    parents[-1].pop(path[-1], None)
    for parent, name in reversed(list(zip(parents[:-1], path[:-1], strict=True))):
        if not parent[name]:
            parent.pop(name)


def _has_content(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())


def _indents(text: str) -> tuple[int, int, int]:
    """How this person indents: mappings, list items, and the dash of a list item."""
    mapping = re.search(
        r"^[^\s#][^\n]*:[ \t]*(?:#[^\n]*)?\n(?:[ \t]*(?:#[^\n]*)?\n)*( +)[^\s#-]", text, re.MULTILINE
    )
    dash = re.search(r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n( *)-( +)", text, re.MULTILINE)
    width = len(mapping[1]) if mapping else 2
    if dash is None:
        return width, 2, 0
    offset = len(dash[2]) - len(dash[1])
    return width, offset + 1 + len(dash[3]), offset
