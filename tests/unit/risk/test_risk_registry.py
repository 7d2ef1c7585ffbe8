"""Trade must know whether risk is to run beside it."""

from cryptobot.bus import rules
from cryptobot.configs.schema import ServiceOverride, Settings
from cryptobot.configs.sections.risk import RiskSettings
from cryptobot.supervisor.catalogue import registry


def changed(after: Settings) -> set[str]:
    """Manifests that differ from those of the default settings."""
    before = {one.name: one for one in registry.built_in(Settings())}
    return {one.name for one in registry.built_in(after) if one != before[one.name]}


def test_enabling_risk_restarts_trade() -> None:
    """A trade that does not know of it would not miss it when it is silent."""
    assert changed(Settings(services={"risk": ServiceOverride(enabled=True)})) == {"risk", "trade"}
    assert changed(Settings(services={"portfolio": ServiceOverride(enabled=True)})) == {"portfolio"}


def test_a_changed_limit_restarts_risk_alone() -> None:
    """The time-out travels in the verdict."""
    assert changed(Settings(risk=RiskSettings(silence_s=9.0))) == {"risk"}


def test_only_risk_may_tell_verdicts_and_only_trade_its_state() -> None:
    """Over TCP, where keys say who is who."""
    assert rules.may_publish("risk", "risk.verdict", "risk")
    assert not rules.may_publish("trade", "risk.verdict", "trade")
    assert not rules.may_publish("risk", "risk.state", "risk")
    assert not rules.may_publish("risk", "portfolio.equity", "risk")
