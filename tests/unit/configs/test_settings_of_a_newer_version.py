"""What a newer version put in force is read by the version before, which watches it."""

import json

import pytest
from cryptobot.configs import snapshot
from cryptobot.configs.errors import SettingsError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings


def test_keys_that_are_not_known_are_left_out_and_the_rest_counts(tmp_path):
    """New keys, in new sections and in old ones, are no damage; a wrong value still is."""
    home = Home(tmp_path)
    home.create()
    snapshot.write(home, Settings())
    path = home.run / "settings.json"
    written = json.loads(path.read_bytes())
    written["dashboard"]["port"] = 1234
    newer = {**written, "moon": {"phase": 1}, "update": {**written["update"], "later": [1, 2]}}
    path.write_text(json.dumps(newer))
    found = snapshot.read(home)
    assert found.dashboard.port == 1234
    assert found.update == Settings().update
    path.write_text(json.dumps({**newer, "profile": 7}))
    with pytest.raises(SettingsError, match="damaged"):
        snapshot.read(home)
