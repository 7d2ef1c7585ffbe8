"""Settings as they were written: a tree of texts, each with its place. Types come later, from the schema.

YAML is read only for its structure. What a plain scalar means is decided by the declared type of its key, so
`no`, `1e3` or `0x10` are never guessed, and decimals never pass through a float.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from .problems import Origin, Problem
from .values import NULLS

_MAX_DEPTH = 20
# Aliases can unfold a small file into a giant tree; nobody's settings have so many values.
_MAX_NODES = 50_000
_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Text:
    """One scalar."""

    text: str
    origin: Origin
    quoted: bool = False

    @property
    def is_null(self) -> bool:
        return not self.quoted and self.text in NULLS


@dataclass(frozen=True, slots=True)
class Items:
    """One list."""

    items: list["Tree"]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Branch:
    """One mapping; `places` says where each key itself stands."""

    children: dict[str, "Tree"]
    origin: Origin
    places: dict[str, Origin] = field(default_factory=dict)


Tree = Text | Items | Branch


def parse(text: str, layer: str, source: str) -> tuple[Branch, list[Problem]]:
    """The tree of one YAML text, and what is wrong with it as YAML.

    Args:
        layer: for the origins: profile, file, environment or command line.
        source: file name or variable, for the origins.
    """
    top = Origin(layer, source)
    reader = _Reader(layer, source)
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        return Branch({}, top), [_yaml_problem(error, layer, source)]
    except (yaml.YAMLError, ValueError) as error:
        sentence = f"this is no text that YAML allows ({str(error).splitlines()[0]})"
        return Branch({}, top), [Problem(top, "", "", sentence)]
    if node is None:
        return Branch({}, top), []
    try:
        tree = reader.read(node, (), 0)
    except _TooManyError:
        sentence = f"this holds more than {_MAX_NODES} values"
        return Branch({}, top), [Problem(top, "", "", sentence)]
    if not isinstance(tree, Branch):
        found = describe(tree)
        return Branch({}, top), [
            Problem(tree.origin, "", found, f"settings are sections with keys, found {found}")
        ]
    return tree, reader.problems


def _yaml_problem(error: yaml.MarkedYAMLError, layer: str, source: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    origin = Origin(layer, source, mark.line + 1, mark.column + 1) if mark else Origin(layer, source)
    hint = " (indent with spaces, not with tabs)" if "\\t" in str(error.problem) else ""
    return Problem(origin, "", "", f"this is no YAML: {error.problem}{hint}")


class _TooManyError(Exception):
    """The tree would become too large."""


class _Reader:
    """Turns YAML nodes into a tree; collects double keys and odd keys."""

    def __init__(self, layer: str, source: str) -> None:
        self._layer, self._source = layer, source
        self.problems: list[Problem] = []
        self._nodes = 0

    def read(self, node: yaml.Node, path: tuple[str, ...], depth: int) -> Tree:
        origin = self._origin(node)
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            raise _TooManyError
        if depth > _MAX_DEPTH:
            self._wrong(origin, path, "", f"this is nested more than {_MAX_DEPTH} levels deep")
            return Text("", origin)
        if isinstance(node, yaml.ScalarNode):
            return Text(str(node.value), origin, quoted=bool(node.style))
        if isinstance(node, yaml.SequenceNode):
            return Items([self.read(item, path, depth + 1) for item in node.value], origin)
        return self._mapping(node, path, depth, origin)

    def _mapping(self, node: yaml.Node, path: tuple[str, ...], depth: int, origin: Origin) -> Branch:
        children: dict[str, Tree] = {}
        places: dict[str, Origin] = {}
        for key_node, value_node in node.value:
            place = self._origin(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self._wrong(place, path, "", "a key must be a word")
                continue
            key = str(key_node.value)
            if key in children:
                first = places[key].line
                self._wrong(
                    place, (*path, key), "", f"{'.'.join((*path, key))} stands here and in line {first}"
                )
                continue
            places[key] = place
            children[key] = self.read(value_node, (*path, key), depth + 1)
        return Branch(children, origin, places)

    def _origin(self, node: yaml.Node) -> Origin:
        return Origin(self._layer, self._source, node.start_mark.line + 1, node.start_mark.column + 1)

    def _wrong(self, origin: Origin, path: tuple[str, ...], found: str, text: str) -> None:
        self.problems.append(Problem(origin, ".".join(path), found, text))


def describe(tree: Tree) -> str:
    """What stands there, for people, shortened."""
    if isinstance(tree, Items):
        return "a list"
    if isinstance(tree, Branch):
        return "a section"
    if tree.is_null:
        return "nothing"
    text = tree.text if len(tree.text) <= 60 else tree.text[:57] + "..."
    return f'"{text}"'


def leaves(tree: Tree, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Tree]]:
    """Every scalar and list with its path."""
    if isinstance(tree, Branch):
        for name, child in tree.children.items():
            yield from leaves(child, (*path, name))
    else:
        yield path, tree


def from_text(text: str, origin: Origin, kind: str) -> tuple[Tree, list[Problem]]:
    """The tree that the text of a variable or option means for a key of this kind.

    Lists may be written `a, b` or `[a, b]`, maps and sections `{name: value}`.
    """
    if kind in ("list", "map", "section") and text.lstrip()[:1] in ("[", "{"):
        holder, problems = parse(f"value: {text}", origin.layer, origin.source)
        found = holder.children.get("value", Text(text, origin))
        return _placed(found, origin), [Problem(origin, "", text, problem.text) for problem in problems]
    if kind == "list":
        items = [part.strip() for part in text.split(",")] if text.strip() else []
        return Items([Text(item, origin) for item in items], origin), []
    return Text(text, origin), []


def _placed(tree: Tree, origin: Origin) -> Tree:
    if isinstance(tree, Text):
        return Text(tree.text, origin, tree.quoted)
    if isinstance(tree, Items):
        return Items([_placed(item, origin) for item in tree.items], origin)
    children = {name: _placed(child, origin) for name, child in tree.children.items()}
    return Branch(children, origin, dict.fromkeys(children, origin))
