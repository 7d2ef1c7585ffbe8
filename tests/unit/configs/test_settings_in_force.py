"""What a reload does with a changed key: at once, by restarts, or not before a person acts."""

import msgspec
import pytest
from cryptobot.configs import impact, snapshot
from cryptobot.configs import shape as shapes
from cryptobot.configs.load import load
from cryptobot.configs.schema import Settings


def test_what_needs_a_person_is_held_back(home):
    """A reload keeps the database and takes the rest of the change."""
    old = load(home, (), {}).settings
    new = load(home, ("database.encrypted=true", "trade.max_open_orders=1"), {}).settings
    taken, waiting = impact.held_back(old, new)
    assert waiting == ["database.encrypted"]
    assert taken == load(home, ("trade.max_open_orders=1",), {}).settings


@pytest.mark.parametrize(
    ("override", "changes"),
    [
        ("trade.max_open_orders=1", True),
        ("trade.allow_withdraw_keys=true", False),
        ("strategy.instances.ema-cross.enabled=false", True),
        ("log.level=debug", False),
    ],
)
def test_only_keys_that_need_a_restart_ask_for_one(home, override, changes):
    """What a manifest is fingerprinted by leaves out what applies at once and what waits for a person."""
    sections = ("trade", "strategy", "log")
    old, new = (load(home, given, {}).settings for given in ((), (override,)))
    assert (impact.restarting(old, sections) != impact.restarting(new, sections)) is changes


def test_every_key_applies_in_a_way_that_is_known():
    """No key of the schema says anything else than live, restart or person."""
    said = {entry.shape.applies for _, entry in shapes.walk(Settings) if entry.shape.struct is None}
    assert said <= {"live", "restart", "person"}


def test_a_watch_tells_each_change_once(home):
    """Other settings in force are told once; the same ones written anew, and damaged ones, are not."""
    settings = load(home, (), {}).settings
    snapshot.write(home, settings)
    watch = snapshot.Watch(home, settings)
    assert watch.changed() is None
    other = msgspec.structs.replace(settings, log=msgspec.structs.replace(settings.log, level="debug"))
    snapshot.write(home, other)
    assert watch.changed() == other
    assert watch.changed() is None
    (home.run / "settings.json").write_text("{half")
    assert watch.changed() is None
    snapshot.write(home, settings)
    assert watch.changed() == settings


def test_a_change_between_reading_and_watching_is_not_missed(home):
    """A service that read its settings before a reload finds the new ones at its first look."""
    settings = load(home, (), {}).settings
    other = msgspec.structs.replace(settings, log=msgspec.structs.replace(settings.log, level="error"))
    snapshot.write(home, other)
    assert snapshot.Watch(home, settings).changed() == other
