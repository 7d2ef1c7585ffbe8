"""Accounts in the settings: names, places, keys, limits, and what is refused."""

from decimal import Decimal
from typing import Any

import pytest
from cryptobot.bus import rules as bus_rules
from cryptobot.bus import topics
from cryptobot.configs import accounts, rules
from cryptobot.configs.schema import DataSettings, Settings, StrategyInstance, StrategySettings
from cryptobot.configs.sections.accounts import AccountSettings
from cryptobot.services.trade import ids
from cryptobot.supervisor.catalogue import registry


def settings(**given: Any) -> Settings:
    data = DataSettings(exchange="binance", venues={"kraken": ["BTC/USD"]})
    named = {"second": AccountSettings(), "us": AccountSettings(venue="kraken", key="k2")}
    return Settings(**{"data": data, "accounts": named, **given})


def found(chosen: Settings) -> str:
    return " ".join(sentence for _, sentence in rules.broken(chosen))


def test_main_is_there_without_being_named() -> None:
    """A home without the section trades main on data.exchange, by the service trade, as before."""
    plain = Settings()
    assert accounts.names(plain) == ["main"]
    assert (accounts.service_of("main"), accounts.venue_of(plain, "main")) == ("trade", "paper")
    assert accounts.for_account(plain, "main") == plain


def test_every_account_has_a_service_and_secrets_of_its_own() -> None:
    """The manifests name them; a service that is no account's trades none."""
    manifests = {one.name: one for one in registry.built_in(settings())}
    assert manifests["trade"].secrets[0] == "binance.api_key"
    assert manifests["trade-second"].secrets[0] == "binance-second.api_key"
    assert manifests["trade-us"].secrets[0] == "k2.api_key"
    assert manifests["trade-us"].environment == {"CRYPTOBOT_INSTANCE": "us"}
    assert [accounts.account_of(name) for name in ("trade-us", "trade", "data")] == ["us", "main", ""]


def test_a_change_of_one_account_restarts_no_other_trade_service() -> None:
    """The digest of main's manifest does not know the others."""
    before = {one.name: one.settings_digest for one in registry.built_in(settings())}
    changed = {"second": AccountSettings(max_open_orders=3), "us": AccountSettings(venue="kraken", key="k2")}
    after = {one.name: one.settings_digest for one in registry.built_in(settings(accounts=changed))}
    assert before["trade-second"] != after["trade-second"]
    assert (before["trade"], before["trade-us"]) == (after["trade"], after["trade-us"])


def test_an_account_reads_its_venue_and_limits_in_the_usual_places() -> None:
    """What it has not of its own is that of the sections trade and risk."""
    named = {"us": AccountSettings(venue="kraken", max_order_value=Decimal(7))}
    own = accounts.for_account(settings(accounts=named), "us")
    assert (own.data.exchange, own.data.symbols) == ("kraken", ["BTC/USD"])
    assert own.trade.max_order_value == 7
    assert own.trade.max_open_orders == Settings().trade.max_open_orders


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"accounts": {"Second": AccountSettings()}}, "cannot be an account's name"),
        ({"accounts": {"all": AccountSettings()}}, "cannot be an account's name"),
        ({"accounts": {"a" * 12: AccountSettings()}}, "cannot be an account's name"),
        ({"accounts": {"second": AccountSettings(venue="okx")}}, "whose prices it cannot trade on"),
        ({"accounts": {"main": AccountSettings(venue="kraken")}}, "main is on data.exchange"),
        ({"accounts": {"second": AccountSettings(key="binance")}}, "every account needs its own"),
    ],
)
def test_an_account_that_cannot_be_is_refused_with_a_reason(given: dict[str, Any], said: str) -> None:
    """Before anything starts: names, venues without prices, two processes with one key."""
    assert said in found(settings(**given))


def test_a_strategy_that_names_no_account_is_refused_with_the_names_there_are() -> None:
    """One clear sentence at `config check`."""
    runs = {"x": StrategyInstance(strategy="ema-cross", account="secnd")}
    said = found(settings(strategy=StrategySettings(instances=runs)))
    assert "strategy.instances.x.account is secnd, which is no account; there are main, second, us" in said


def test_a_strategy_needs_prices_on_the_venue_of_its_account() -> None:
    """BTC/USDT is watched on binance, not on kraken."""
    runs = {"x": StrategyInstance(strategy="ema-cross", account="us")}
    said = found(settings(strategy=StrategySettings(instances=runs)))
    assert "BTC/USDT, which data.venues.kraken does not list (BTC/USD)" in said


def test_no_topic_of_an_account_begins_as_one_of_main() -> None:
    """Whoever listens to main alone by a prefix hears main alone."""
    for name in ("second", "paper"):
        assert not topics.fill("paper", name).startswith(topics.fill("paper"))
        assert not topics.order("paper", "FILLED", name).startswith(f"{topics.ORDERS}paper.")
        assert topics.balance("paper", name).startswith(topics.BALANCES)


def test_an_account_publishes_under_the_key_of_trade() -> None:
    """Over TCP its service may tell what trade may tell, and nothing else."""
    assert bus_rules.may_publish("trade", "fill.@second.paper", "trade-second")
    assert not bus_rules.may_publish("trade", "risk.verdict", "trade-second")
    assert not bus_rules.may_publish("strategy", "fill.@second.paper", "strategy")


def test_client_order_ids_of_accounts_never_meet() -> None:
    """The same wish in two accounts is two orders; within one it is one, and it fits every venue."""
    made = [ids.client_order_id("paper", "x", name) for name in ("main", "second", "third")]
    assert len(set(made)) == 3
    assert made == [ids.client_order_id("paper", "x", name) for name in ("main", "second", "third")]
    assert all(ids.CLIENT_ORDER_ID.fullmatch(one) for one in made)
    assert made[1][:4] == ids.client_order_id("paper", "y", "second")[:4]
