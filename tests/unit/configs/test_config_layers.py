"""Layers of settings: which one wins, and what each value says of its origin."""

from decimal import Decimal

import pytest
from cryptobot.configs.load import load


def test_nothing_given_is_the_paper_profile(home):
    """A home without a file has the schema's defaults and the paper profile."""
    loaded = load(home, (), {})
    assert loaded.settings.profile == "paper"
    assert loaded.settings.data.exchange == "paper"
    assert loaded.origin("trade.max_open_orders").layer == "default"
    assert loaded.origin("data.exchange").layer == "profile"


def test_each_layer_wins_over_the_one_before(loaded):
    """Profile, file, environment, command line: the later one is taken."""
    text = "profile: prod\ntrade:\n  max_open_orders: 5\n"
    variable = {"CRYPTOBOT__TRADE__MAX_OPEN_ORDERS": "6"}
    option = "trade.max_open_orders=7"
    assert loaded("profile: prod\n").settings.trade.max_open_orders == 10
    assert loaded(text).settings.trade.max_open_orders == 5
    assert loaded(text, **variable).settings.trade.max_open_orders == 6
    found = loaded(text, option, **variable)
    assert found.settings.trade.max_open_orders == 7
    assert str(found.origin("trade.max_open_orders")) == "--set trade.max_open_orders"


def test_origin_of_a_file_value_has_line_and_column(loaded, home):
    """The place of a value is where a person finds it in the editor."""
    origin = loaded("# first\ntrade:\n  max_open_orders: 5\n").origin("trade.max_open_orders")
    assert (origin.source, origin.line, origin.column) == (str(home.config_file), 3, 20)


def test_profile_may_be_chosen_by_environment_and_option(loaded):
    """Every layer above the profile can choose the profile."""
    assert loaded("profile: dev\n", CRYPTOBOT__PROFILE="prod").settings.trade.max_open_orders == 10
    assert loaded("", "profile=minimal").settings.log.level == "warning"


@pytest.mark.parametrize("profile", ["paper", "dev", "prod", "minimal"])
def test_every_profile_is_valid(loaded, profile):
    """All bundled profiles pass the check."""
    assert loaded(f"profile: {profile}\n").settings.profile == profile


def test_map_of_the_file_replaces_the_default_map(loaded):
    """The strategies in the user's file are all that run."""
    text = "strategy:\n  instances:\n    mine:\n      strategy: breakout\n"
    assert list(loaded(text).settings.strategy.instances) == ["mine"]


def test_single_entries_are_changed_by_environment_and_option(loaded):
    """Below a map, variables and options change one entry and leave the others."""
    found = loaded(
        "paper:\n  balances:\n    USDT: 100\n",
        "paper.balances.ETH=5",
        "strategy.instances.ema-cross.enabled=false",
        CRYPTOBOT__PAPER__BALANCES__USDT="7.50",
    ).settings
    assert found.paper.balances == {"USDT": Decimal("7.50"), "ETH": Decimal(5)}
    assert found.strategy.instances["ema-cross"].enabled is False
    assert found.strategy.instances["ema-cross"].strategy == "ema-cross"


def test_environment_finds_names_with_dashes(loaded):
    """EMA_CROSS in a variable is the entry ema-cross, whose name no variable can hold."""
    found = loaded("", CRYPTOBOT__STRATEGY__INSTANCES__EMA_CROSS__ENABLED="false")
    assert found.settings.strategy.instances["ema-cross"].enabled is False


def test_new_entries_of_sections_are_small_letters(loaded):
    """CRYPTOBOT__SERVICES__RISK__ENABLED speaks of the service risk."""
    assert loaded("", CRYPTOBOT__SERVICES__RISK__ENABLED="false").settings.services["risk"].enabled is False


def test_services_merge_across_files_and_variables(loaded):
    """Overrides of services join; none is lost."""
    found = loaded("services:\n  paper: {enabled: false}\n", CRYPTOBOT__SERVICES__DATA__ENABLED="false")
    assert sorted(found.settings.services) == ["data", "paper"]


@pytest.mark.parametrize("text", ["BTC/USDT, ETH/USDT", "[BTC/USDT, ETH/USDT]", '["BTC/USDT", "ETH/USDT"]'])
def test_lists_in_variables_are_written_with_or_without_brackets(loaded, text):
    """Both spellings of a list mean the same."""
    assert loaded("", CRYPTOBOT__DATA__SYMBOLS=text).settings.data.symbols == ["BTC/USDT", "ETH/USDT"]


def test_other_variables_are_left_alone(loaded):
    """Only names with the prefix are settings; CRYPTOBOT_HOME is not."""
    assert loaded("", CRYPTOBOT_HOME="/x", HOME="/y", CRYPTOBOT_NOTIFY="z").settings.profile == "paper"


def test_empty_sections_mean_defaults(loaded):
    """A section with nothing but a comment is no fault."""
    assert loaded("trade:\n  # nothing yet\ndata:\n").settings.trade.max_open_orders == 20
