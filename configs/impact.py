"""What a change of settings asks for: nothing, the restart of some services, or a person."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from . import shape as shapes
from .schema import Settings
from .shape import Shape

# Sections whose keys belong to other processes than the one of the section's name.
_EVERYONE = frozenset({"log", "profile"})


@dataclass(slots=True)
class Impact:
    """Keys that changed, by what must happen.

    Args:
        live: apply at once.
        restart: service name, with the keys that make its restart necessary; "*" stands for all services.
        person: a person has to decide; nothing happens by itself.
    """

    live: list[str] = field(default_factory=list)
    restart: dict[str, list[str]] = field(default_factory=dict)
    person: list[str] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        """Every changed key."""
        return sorted({*self.live, *self.person, *(key for keys in self.restart.values() for key in keys)})


def restarting(settings: Settings, sections: Iterable[str]) -> dict[str, Any]:
    """The values in these sections whose change asks for a restart; what applies at once is left out."""
    wanted = set(sections)
    return {
        ".".join(path): _restarting_value(_at(settings, path), entry.shape)
        for path, entry in shapes.walk(Settings)
        if path[0] in wanted and entry.shape.struct is None and entry.shape.applies == "restart"
    }


def held_back(old: Settings, new: Settings) -> tuple[Settings, list[str]]:
    """`new` with the old values of all keys that need a person, and the names of those keys.

    A reload uses this: such a key counts when a person stops and starts the platform, never in passing.
    """
    person = impact(old, new).person
    for key in person:
        path = tuple(key.split("."))
        new = _put(new, path, _at(old, path))
    return new, person


def impact(old: Settings, new: Settings) -> Impact:
    """Compare two settings, key by key."""
    found = Impact()
    for path, entry in shapes.walk(Settings):
        if entry.shape.struct is None:
            _compare(_at(old, path), _at(new, path), path, entry.shape, found)
    return found


def _restarting_value(value: Any, shape: Shape) -> Any:
    item = shape.item.struct if shape.item is not None else None
    if item is None or not isinstance(value, dict):
        return value
    names = [name for name, entry in shapes.fields_of(item).items() if entry.shape.applies == "restart"]
    return {key: {name: getattr(one, name) for name in names} for key, one in value.items()}


def _put(settings: Any, path: tuple[str, ...], value: object) -> Any:
    name, rest = path[0], path[1:]
    return msgspec.structs.replace(
        settings, **{name: _put(getattr(settings, name), rest, value) if rest else value}
    )


def _compare(old: object, new: object, path: tuple[str, ...], shape: Shape, found: Impact) -> None:
    if old == new:
        return
    if shape.kind == "map" and shape.item is not None and isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            _compare_entry(old.get(name), new.get(name), (*path, name), shape.item, found)
        return
    _note(path, shape.applies, found)


def _compare_entry(old: object, new: object, path: tuple[str, ...], item: Shape, found: Impact) -> None:
    both = isinstance(old, msgspec.Struct) and isinstance(new, msgspec.Struct)
    if item.struct is None or not both:
        if old != new:
            _note(path, item.applies, found)
        return
    for name, entry in shapes.fields_of(item.struct).items():
        _compare(getattr(old, name), getattr(new, name), (*path, name), entry.shape, found)


def _note(path: tuple[str, ...], applies: str, found: Impact) -> None:
    key = ".".join(path)
    if applies == "live":
        found.live.append(key)
    elif applies == "person":
        found.person.append(key)
    else:
        owner = path[1] if path[0] == "services" and len(path) > 1 else path[0]
        found.restart.setdefault("*" if owner in _EVERYONE else owner, []).append(key)


def _at(settings: msgspec.Struct, path: tuple[str, ...]) -> object:
    value: object = settings
    for name in path:
        value = getattr(value, name)
    return value
