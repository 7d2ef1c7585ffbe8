"""The reference of settings is what the schema says."""

import json
from pathlib import Path

import cryptobot
import pytest
from cryptobot.configs import reference
from cryptobot.configs.explain import all_keys

DOCS = Path(cryptobot.__file__).parent / "docs"


@pytest.mark.skipif(not DOCS.is_dir(), reason="the documentation is not part of an installed package")
@pytest.mark.parametrize("name", sorted(reference.files()))
def test_the_reference_is_not_stale(name):
    """docs/ holds what `python -m cryptobot.configs.reference docs` would write."""
    assert (DOCS / name).read_text(encoding="utf-8") == reference.files()[name]


def test_every_key_is_in_the_reference():
    """No key of the schema is left out."""
    text = reference.settings_markdown()
    assert [key for key in all_keys() if f"| `{key}` |" not in text] == []


def test_json_schema_has_types_limits_and_defaults():
    """A form can be drawn from the JSON Schema alone."""
    schema = json.loads(reference.files()["settings.schema.json"])
    orders = schema["properties"]["trade"]["properties"]["max_open_orders"]
    assert orders["type"] == "integer"
    assert (orders["minimum"], orders["maximum"], orders["default"]) == (1, 1000, 20)
    assert orders["x-applies"] == "restart"
    assert schema["properties"]["log"]["properties"]["level"]["enum"] == ["debug", "info", "warning", "error"]
    assert schema["additionalProperties"] is False
