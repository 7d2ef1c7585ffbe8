"""A new home waits for its person; every other home does not."""

import pytest
from cryptobot.configs import exchange, firstrun
from cryptobot.configs.load import load_text
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import StrategySettings


@pytest.fixture
def home(tmp_path):
    """A home with its folders, in which nothing ever ran."""
    made = Home(tmp_path / "home")
    made.create()
    return made


def test_an_empty_home_waits_until_somebody_decides(home):
    """The mark is made once, is seen by everybody, and goes for good."""
    firstrun.begin(home)
    assert firstrun.pending(home)

    firstrun.end(home)
    firstrun.end(home)

    assert not firstrun.pending(home)


def test_a_home_with_settings_does_not_wait(home):
    """Who wrote a config.yaml has decided."""
    home.config_file.write_text("trade:\n  max_open_orders: 3\n")

    firstrun.begin(home)

    assert not firstrun.pending(home)


def test_a_home_that_ran_before_does_not_wait(home):
    """What is in its databases says that it was used: a later start changes nothing."""
    (home.databases / "auth.sqlite").write_bytes(b"")

    firstrun.begin(home)

    assert not firstrun.pending(home)


@pytest.mark.parametrize("name", exchange.template_names())
def test_no_goal_of_the_wizard_is_what_waits(name):
    """No template names the packaged strategies, so that a decision is told from none."""
    chosen = load_text(exchange.template(name), "template").settings.strategy.instances

    assert chosen != StrategySettings().instances
