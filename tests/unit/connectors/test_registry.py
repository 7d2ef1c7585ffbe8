"""Which connectors there are."""

import pytest
from cryptobot.configs.errors import SettingsError
from cryptobot.services.connectors import registry
from cryptobot.services.connectors.connector import Connector


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_built_in_connectors_load(name):
    """Every built-in name gives a connector of that name."""
    assert registry.find(name).name == name


def test_any_exchange_of_ccxt_is_a_connector():
    """What has no file of its own goes through the unified interface."""
    assert registry.find("bitstamp").name == "bitstamp"


def test_unknown_name_is_told_with_the_nearest():
    """A typing error gets a sentence that helps."""
    with pytest.raises(SettingsError, match=r"no venue 'binanse'\. Did you mean 'binance'"):
        registry.find("binanse")


class _Point:
    name, value = "mine", "my_addon:CONNECTOR"

    def __init__(self, loaded):
        self._loaded = loaded

    def load(self):
        return self._loaded


def test_add_on_is_found_by_its_entry_point(monkeypatch):
    """A connector of another distribution is loaded by its entry point's name."""
    mine = Connector(name="mine", title="Mine", capabilities=registry.find("okx").capabilities, open=None)
    monkeypatch.setattr(registry, "entry_points", lambda group: [_Point(mine)])
    assert registry.find("mine") is mine
    assert "mine" in registry.names()


def test_add_on_that_is_no_connector_is_refused(monkeypatch):
    """An entry point that names something else is an error, not a skipped warning."""
    monkeypatch.setattr(registry, "entry_points", lambda group: [_Point(object())])
    with pytest.raises(SettingsError, match="is not a Connector"):
        registry.find("mine")
