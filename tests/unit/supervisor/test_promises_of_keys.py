"""What each key of the settings promises about a change of it is what a reload does."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from cryptobot.configs import impact
from cryptobot.configs import shape as shapes
from cryptobot.configs.schema import ServiceOverride, Settings
from cryptobot.supervisor.catalogue import registry

KEYS = [".".join(path) for path, entry in shapes.walk(Settings) if entry.shape.struct is None]
# Values that a made-up one would not do for.
OTHERS: dict[str, Any] = {
    "services": {"paper": ServiceOverride(restart="never")},
    "data.exchange": "kraken",
    "bus.transport": "tcp",
}


def another(key: str, shape: shapes.Shape, value: Any) -> Any:
    """A value of the key's type that differs from its default."""
    if key in OTHERS:
        return OTHERS[key]
    if shape.choices:
        return next(choice for choice in shape.choices if choice != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float | Decimal):
        return value + 1
    if isinstance(value, dict):
        return dict(list(value.items())[1:]) if value else {"another": item_of(shape.item)}
    if isinstance(value, list):
        return [*value, "another"]
    return {"bool": True, "int": 7, "float": 7.0, "decimal": Decimal(7)}.get(
        shape.kind, f"{value or ''}another"
    )


def item_of(shape: shapes.Shape | None) -> Any:
    """Something that may stand in a map."""
    if shape is None or shape.struct is None:
        return "another"
    required = [n for n, one in shapes.fields_of(shape.struct).items() if one.default is msgspec.NODEFAULT]
    return shape.struct(**dict.fromkeys(required, "another"))


def changed(key: str) -> tuple[Settings, Settings, str]:
    """Default settings, the same with another value of the key, and what the key promises."""
    shape = shapes.find(Settings, tuple(key.split(".")))
    assert shape is not None
    old = Settings()
    value: Any = old
    for name in key.split("."):
        value = getattr(value, name)
    return old, impact._put(old, tuple(key.split(".")), another(key, shape, value)), shape.applies


@pytest.mark.parametrize("key", KEYS)
def test_a_key_keeps_its_promise(key: str) -> None:
    """`live` restarts nothing, `restart` restarts who reads it, `person` waits for a person."""
    old, new, promise = changed(key)
    taken, waiting = impact.held_back(old, new)
    before = {one.name: msgspec.json.encode(one) for one in registry.built_in(old)}
    after = {one.name: msgspec.json.encode(one) for one in registry.built_in(taken)}
    moved = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}

    if promise == "person":
        assert (taken, waiting, moved) == (old, [key], set())
    elif promise == "live":
        assert (taken, waiting, moved) == (new, [], set())
    else:
        assert (taken, waiting) == (new, [])
        assert moved, (
            f"nobody is restarted for {key}: "
            "add its section to its readers in supervisor/catalogue/registry.py"
        )


@pytest.mark.parametrize("key", KEYS)
def test_the_table_of_readers_tells_whom_a_key_restarts(key: str) -> None:
    """What `config set` says beforehand is what a reload does."""
    old, new, promise = changed(key)
    if promise != "restart" or key in OTHERS:
        return
    before = {one.name: one.settings_digest for one in registry.built_in(old)}
    after = {one.name: one.settings_digest for one in registry.built_in(new)}
    restarted = {name for name in before if before[name] != after.get(name)}

    assert restarted == set(registry.readers(old)[key.split(".")[0]])
