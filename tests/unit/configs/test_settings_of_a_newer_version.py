"""What a newer version put in force is read by the version before, which watches it."""

import json

import msgspec
import msgspec.inspect
import pytest
from cryptobot.configs import snapshot
from cryptobot.configs.errors import SettingsError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings


def test_keys_that_are_not_known_are_left_out_and_the_rest_counts(tmp_path):
    """New keys, in new sections, in old ones and in entries of tables, are no damage; a wrong value is."""
    home = Home(tmp_path)
    home.create()
    snapshot.write(home, Settings())
    path = home.run / "settings.json"
    written = json.loads(path.read_bytes())
    written["dashboard"]["port"] = 1234
    newer = {**written, "moon": {"phase": 1}, "update": {**written["update"], "later": [1, 2]}}
    runs = newer["strategy"]["instances"]
    assert runs
    for run in runs.values():
        run["telescope"] = {"mirrors": [1]}
    path.write_text(json.dumps(newer))
    found = snapshot.read(home)
    assert found.dashboard.port == 1234
    assert found.update == Settings().update
    assert found.strategy == Settings().strategy
    path.write_text(json.dumps({**newer, "profile": 7}))
    with pytest.raises(SettingsError, match="damaged"):
        snapshot.read(home)


def test_every_entry_of_every_table_bears_a_key_more(tmp_path):
    """Whatever section a newer version adds a key to, at any depth, the version before reads the rest."""
    home = Home(tmp_path)
    home.create()
    snapshot.write(home, Settings())
    path = home.run / "settings.json"
    written = json.loads(path.read_bytes())

    def more(value, kind):
        kind = getattr(kind, "type", kind)
        if isinstance(value, dict):
            fields = {one.encode_name: one.type for one in getattr(kind, "fields", ())}
            grown = {
                key: more(part, fields.get(key, getattr(kind, "value_type", None)))
                for key, part in value.items()
            }
            return {**grown, "of-tomorrow": 1} if fields else grown
        return (
            [more(part, getattr(kind, "item_type", None)) for part in value]
            if isinstance(value, list)
            else value
        )

    path.write_text(json.dumps(more(written, msgspec.inspect.type_info(Settings))))
    assert path.read_text().count("of-tomorrow") > 20
    assert snapshot.read(home) == Settings()
