"""What a change of settings asks for: nothing, the restart of some services, or a person."""

from dataclasses import dataclass, field

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


def impact(old: Settings, new: Settings) -> Impact:
    """Compare two settings, key by key."""
    found = Impact()
    for path, entry in shapes.walk(Settings):
        if entry.shape.struct is None:
            _compare(_at(old, path), _at(new, path), path, entry.shape, found)
    return found


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
