"""A home with a settings file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptobot.configs.load import Loaded, load
from cryptobot.configs.paths import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    made = Home(tmp_path / "home")
    made.create()
    return made


@pytest.fixture
def loaded(home: Home) -> Callable[..., Loaded]:
    """Writes config.yaml and loads all layers, without this process's environment."""

    def write_and_load(text: str = "", *overrides: str, **environ: str) -> Loaded:
        home.config_file.write_text(text, encoding="utf-8")
        return load(home, overrides, environ)

    return write_and_load
