"""What a setting is, what it may be, what it is now and who said so."""

from dataclasses import dataclass
from typing import Any

import msgspec

from . import shape as shapes
from .errors import SettingsError
from .load import Loaded, unknown_key, value_at
from .problems import Origin
from .schema import Settings
from .tree import describe
from .values import allowed, choices, in_units
from .yamltext import at


@dataclass(frozen=True, slots=True)
class Said:
    """What one layer says about a key."""

    layer: str
    origin: Origin
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one key. `said` holds the layers that give it, lowest first: the last one counts."""

    key: str
    help: str
    allowed: str
    choices: tuple[str, ...]
    unit: str
    applies: str
    default: Any
    value: Any
    origin: Origin
    said: tuple[Said, ...]
    environment: str


def explain(loaded: Loaded, key: str) -> Explanation:
    """Explain one key such as trade.max_open_orders.

    Raises:
        SettingsError: there is no such key; the nearest one is named.
    """
    path = tuple(key.split("."))
    shape = shapes.find(Settings, path)
    if shape is None:
        raise unknown_key(key)
    said = []
    for layer, tree in loaded.layers:
        found = at(tree, path)
        if found is not None:
            said.append(Said(layer, found.origin, describe(found)))
    return Explanation(
        key=key,
        help=shape.help,
        allowed=allowed(shape),
        choices=choices(shape),
        unit=shape.unit,
        applies=shape.applies,
        default=_default(key),
        value=_value(loaded, key),
        origin=loaded.origin(key),
        said=tuple(said),
        environment="CRYPTOBOT__" + "__".join(path).upper().replace("-", "_"),
    )


def all_keys() -> list[str]:
    """Every key of the schema that is no section, in its order."""
    return [".".join(path) for path, entry in shapes.walk(Settings) if entry.shape.struct is None]


def shown(value: Any, unit: str = "") -> str:
    """A value as a person would write it: 300 s become 5m."""
    if isinstance(value, msgspec.Struct | dict | list):
        return msgspec.json.encode(value).decode()
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return in_units(value, unit) if unit in ("s", "bytes") else str(value)


def _default(key: str) -> Any:
    try:
        return value_at(Settings(), key)
    except SettingsError:
        return None  # an entry of a map, which the schema does not have by default


def _value(loaded: Loaded, key: str) -> Any:
    try:
        return loaded.value(key)
    except SettingsError:
        return None
