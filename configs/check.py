"""From the merged tree to typed settings: every leaf is converted, every fault is kept."""

from typing import Any, TypeVar

import msgspec

from . import shape as shapes
from .problems import Origin, Problem
from .shape import Field, Shape
from .tree import Branch, Items, Text, Tree, describe
from .values import allowed, convert

S = TypeVar("S", bound=msgspec.Struct)
_WRONG = object()


def build(struct: type[S], tree: Branch) -> tuple[S | None, list[Problem]]:
    """The settings that the tree means, and all problems; None when there are any."""
    checker = _Checker(struct)
    value = checker.section(struct, tree, ())
    return (None if checker.problems else value), checker.problems


class _Checker:
    def __init__(self, root: type[msgspec.Struct]) -> None:
        self._root = root
        self.problems: list[Problem] = []

    def section(self, struct: type[msgspec.Struct], tree: Tree, path: tuple[str, ...]) -> Any:
        if not isinstance(tree, Branch):
            if isinstance(tree, Text) and tree.is_null:
                return self.section(struct, Branch({}, tree.origin), path)
            return self._wrong_value(Shape(kind="section"), tree, path)
        known = shapes.fields_of(struct)
        values = {}
        for name, child in tree.children.items():
            if name not in known:
                self._unknown(name, tree, path, list(known))
                continue
            values[name] = self.value(known[name].shape, child, (*path, name))
        for entry in known.values():
            self._demand(entry, tree, path)
        return _WRONG if self.problems else struct(**values)

    def value(self, shape: Shape, tree: Tree, path: tuple[str, ...]) -> Any:
        if shape.optional and isinstance(tree, Text) and tree.is_null:
            return None
        if shape.struct is not None:
            return self.section(shape.struct, tree, path)
        if shape.kind == "list" and shape.item is not None and isinstance(tree, Items):
            return [self.value(shape.item, item, path) for item in tree.items]
        if shape.kind == "map" and shape.item is not None:
            return self._map(shape, shape.item, tree, path)
        return self._leaf(shape, tree, path)

    def _map(self, shape: Shape, item: Shape, tree: Tree, path: tuple[str, ...]) -> Any:
        if isinstance(tree, Text) and tree.is_null:
            return {}
        if not isinstance(tree, Branch):
            return self._wrong_value(shape, tree, path)
        return {name: self.value(item, child, (*path, name)) for name, child in tree.children.items()}

    def _leaf(self, shape: Shape, tree: Tree, path: tuple[str, ...]) -> Any:
        if not isinstance(tree, Text) or tree.is_null:
            return self._wrong_value(shape, tree, path)
        try:
            return convert(tree.text, shape, quoted=tree.quoted)
        except ValueError:
            return self._wrong_value(shape, tree, path)

    def _demand(self, entry: Field, tree: Branch, path: tuple[str, ...]) -> None:
        if entry.default is msgspec.NODEFAULT and entry.name not in tree.children:
            key = ".".join((*path, entry.name))
            self._wrong(tree.origin, key, "", f"{key} is missing; allowed is {allowed(entry.shape)}")

    def _unknown(self, name: str, tree: Branch, path: tuple[str, ...], known: list[str]) -> None:
        key = ".".join((*path, name))
        origin = tree.places.get(name, tree.children[name].origin)
        sibling = shapes.nearest(name, known)
        meant = ".".join((*path, sibling)) if sibling else shapes.nearest_path(self._root, (*path, name))
        hint = f"did you mean {meant}?" if meant else f"known here: {', '.join(known)}"
        self._wrong(origin, key, describe(tree.children[name]), f"{key} is no setting; {hint}", meant)

    def _wrong_value(self, shape: Shape, tree: Tree, path: tuple[str, ...]) -> Any:
        key, found = ".".join(path), describe(tree)
        words = allowed(shape)
        meant = ""
        if shape.kind == "choice" and isinstance(tree, Text):
            meant = shapes.nearest(tree.text, list(shape.choices))
        hint = f"; did you mean {meant}?" if meant else ""
        self._wrong(tree.origin, key, found, f"{key} is {found}; allowed is {words}{hint}", meant)
        return _WRONG

    def _wrong(self, origin: Origin, key: str, found: str, text: str, meant: str = "") -> None:
        self.problems.append(Problem(origin, key, found, text, meant))
