"""What the launcher says of the dashboard where no browser can be opened."""

from pathlib import Path

import pytest
from cryptobot.configs.paths import Home
from cryptobot.supervisor.launcher import presenter as module
from cryptobot.supervisor.launcher.presenter import Presenter


@pytest.mark.parametrize(
    ("token", "told"), [("s3cret", "https://localhost:1/setup#s3cret"), ("", "https://localhost:1/")]
)
def test_the_address_that_can_be_used_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str, told: str
) -> None:
    """While the first run waits it is the one with the token: without it nobody is let in."""
    home = Home(tmp_path / "home")
    home.create()
    (home.run / "dashboard.json").write_text('{"url": "https://localhost:1/", "port": 1}')
    if token:
        (home.keys / "setup-token").write_text(token)
    monkeypatch.setattr(module.daemon, "require_running", lambda _home: None)
    monkeypatch.setattr(module, "open_privately", lambda *_: False)
    presenter = Presenter(home, browse=lambda _url: False)
    try:
        assert presenter.open_dashboard() == f"No browser could be opened; the address is {told}"
    finally:
        presenter.close()
