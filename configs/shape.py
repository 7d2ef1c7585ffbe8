"""The schema as data: what kind of value each key takes, its limits and its help.

Made once from the Structs of schema.py; the loader, the documentation and the JSON Schema are made from it.
"""

import difflib
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import Meta

Kind = Literal["section", "map", "list", "bool", "int", "float", "decimal", "text", "choice", "scalar"]
_LEAVES: dict[Any, Kind] = {bool: "bool", int: "int", float: "float", Decimal: "decimal", str: "text"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value looks like.

    Args:
        kind: `scalar` is a text, number or truth value that keeps the type it is written with.
        item: of a map or list, the shape of its values.
        struct: of a section, its class.
    """

    kind: Kind
    optional: bool = False
    help: str = ""
    unit: str = ""
    applies: str = "restart"
    merges: bool = False
    choices: tuple[str, ...] = ()
    bounds: dict[str, Decimal] = field(default_factory=dict)
    pattern: str = ""
    form: str = ""
    max_length: int | None = None
    item: "Shape | None" = None
    struct: type[msgspec.Struct] | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a section. `default` is msgspec.NODEFAULT when the key must be given."""

    name: str
    shape: Shape
    default: Any


@cache
def fields_of(struct: type[msgspec.Struct]) -> dict[str, Field]:
    """The keys of a section, in the order of the schema."""
    hints = typing.get_type_hints(struct, include_extras=True)
    found = {}
    for info in msgspec.structs.fields(struct):
        default = info.default
        if info.default_factory is not msgspec.NODEFAULT:
            default = info.default_factory()
        found[info.name] = Field(info.name, shape_of(hints[info.name]), default)
    return found


def shape_of(annotation: Any) -> Shape:
    """The shape of one annotation of the schema.

    Raises:
        TypeError: the schema uses a type that settings cannot have.
    """
    meta: Meta | None = None
    if typing.get_origin(annotation) is Annotated:
        annotation, meta = typing.get_args(annotation)[:2]
    inner, optional = _without_none(annotation)
    return Shape(optional=optional, **_kind_of(inner), **_told(meta, inner))


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if typing.get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    members = [member for member in typing.get_args(annotation) if member is not type(None)]
    optional = len(members) < len(typing.get_args(annotation))
    return (members[0] if len(members) == 1 else tuple(members)), optional


def _kind_of(annotation: Any) -> dict[str, Any]:
    if isinstance(annotation, tuple):
        return {"kind": "scalar"}
    if annotation in _LEAVES:
        return {"kind": _LEAVES[annotation]}
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return {"kind": "choice", "choices": arguments}
    if origin is list:
        return {"kind": "list", "item": shape_of(arguments[0])}
    if origin is dict:
        return {"kind": "map", "item": shape_of(arguments[1])}
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return {"kind": "section", "struct": annotation}
    raise TypeError(f"a setting cannot have the type {annotation!r}")


def _told(meta: Meta | None, annotation: Any) -> dict[str, Any]:
    if meta is None:
        is_struct = isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)
        return {"help": (annotation.__doc__ or "") if is_struct else ""}
    extra = meta.extra or {}
    limits = {name: getattr(meta, name) for name in ("ge", "gt", "le", "lt")}
    bounds = {name: Decimal(str(limit)) for name, limit in limits.items() if limit is not None}
    bounds |= {name: Decimal(text) for name, text in extra.get("bounds", {}).items() if text}
    return {
        "help": meta.description or "",
        "unit": extra.get("unit", ""),
        "applies": extra.get("applies", "restart"),
        "merges": extra.get("merges", False),
        "bounds": bounds,
        "pattern": meta.pattern or "",
        "form": extra.get("form", ""),
        "max_length": meta.max_length,
    }


def walk(
    struct: type[msgspec.Struct], prefix: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Field]]:
    """Every key below a section, depth first; maps and lists are not entered."""
    for name, entry in fields_of(struct).items():
        yield (*prefix, name), entry
        if entry.shape.struct is not None:
            yield from walk(entry.shape.struct, (*prefix, name))


def find(struct: type[msgspec.Struct], path: tuple[str, ...]) -> Shape | None:
    """The shape at a path such as ("trade", "max_open_orders"), map entries included; None when unknown."""
    shape: Shape | None = Shape(kind="section", struct=struct)
    for name in path:
        if shape is None:
            return None
        if shape.struct is not None:
            entry = fields_of(shape.struct).get(name)
            shape = entry.shape if entry else None
        else:
            shape = shape.item if shape.kind == "map" else None
    return shape


def nearest(name: str, known: list[str]) -> str:
    """The known name that was probably meant, or ""."""
    lowered = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[close[0]] if close else ""


def nearest_path(struct: type[msgspec.Struct], path: tuple[str, ...]) -> str:
    """The known key that was probably meant: a sibling of like name, or the same name elsewhere, or ""."""
    paths = {".".join(known): known for known, _ in walk(struct)}
    siblings = [known[-1] for known in paths.values() if known[:-1] == path[:-1]]
    sibling = nearest(path[-1], siblings)
    if sibling:
        return ".".join((*path[:-1], sibling))
    namesakes = [text for text, known in paths.items() if known[-1] == path[-1]]
    return namesakes[0] if namesakes else nearest(".".join(path), list(paths))
