"""Manifests: the built-in table, overrides, files."""

from pathlib import Path

import msgspec
import pytest
from cryptobot.configs.errors import SettingsError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DatabaseSettings, DataSettings, ServiceOverride, Settings, TradeSettings
from cryptobot.services.database.owners import owners
from cryptobot.supervisor.catalogue import registry
from cryptobot.supervisor.catalogue.order import Graph


def _by_name(settings: Settings) -> dict[str, registry.Manifest]:
    return {manifest.name: manifest for manifest in registry.built_in(settings)}


def test_the_table_is_the_architecture() -> None:
    """Names, needs and start order of our own services."""
    manifests = _by_name(Settings())
    money = ["bus", "auth", "paper", "data", "trade", "strategy", "dashboard"]
    assert list(manifests)[:7] == money
    assert manifests["monitor"].optional
    assert manifests["monitor"].part == "add-on"
    assert manifests["trade"].part == "core"
    assert manifests["data"].requires == ("bus", "paper")
    assert manifests["strategy"].requires == ("bus", "data", "trade")
    assert manifests["dashboard"].wants == ("data", "trade", "strategy")
    assert Graph(manifests.values()).layers()[0] == ["bus"]
    assert manifests["dashboard"].target == "cryptobot.dashboard.service:main"


def test_the_paper_exchange_is_there_only_when_it_is_the_venue() -> None:
    """With another venue nothing requires it."""
    manifests = _by_name(Settings(data=DataSettings(exchange="binance")))
    assert "paper" not in manifests
    assert manifests["trade"].requires == ("bus",)


def test_overrides_change_one_service() -> None:
    """enabled, restart, environment, memory limit."""
    override = ServiceOverride(enabled=False, restart="never", environment={"A": "b"}, memory_limit_bytes=7)
    manifests = _by_name(Settings(services={"data": override}))
    changed = manifests["data"]
    assert (changed.enabled, changed.restart, changed.environment) == (False, "never", {"A": "b"})
    assert changed.limits.memory_bytes == 7
    assert manifests["auth"] == _by_name(Settings())["auth"]


def test_a_changed_section_changes_only_the_manifests_that_use_it() -> None:
    """So a reload restarts only those."""
    before = _by_name(Settings())
    after = _by_name(Settings(trade=TradeSettings(max_open_orders=3)))
    assert [name for name in before if before[name] != after[name]] == ["trade"]


def test_an_override_for_no_service_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    """Typing errors are found."""
    with pytest.raises(SettingsError, match=r"services\.dta names no service; did you mean 'data'"):
        registry.load(Home(tmp_path), Settings(services={"dta": ServiceOverride()}))


def test_an_override_for_an_absent_built_in_is_fine(tmp_path: Path) -> None:
    """`services.paper` may stay in the settings when the venue is another one."""
    settings = Settings(
        data=DataSettings(exchange="binance"), services={"paper": ServiceOverride(enabled=False)}
    )
    assert registry.load(Home(tmp_path), settings)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: x\n", "either `command`"),
        ("name: x\ncommand: [a]\ntarget: b\n", "either `command`"),
        ("name: supervisor\ncommand: [a]\n", "cannot be a service's name"),
        ("name: a/b\ncommand: [a]\n", "cannot be a service's name"),
        ("name: x\ncommand: [a]\nrestart: sometimes\n", "sometimes"),
        ("name: x\ncommand: a b\n", "command"),
        ("name: x\ncommand: [a]\nrestart_at: never\n", "restart_at"),
        ("name: [\n", "line 2"),
    ],
)
def test_a_broken_manifest_is_refused_with_its_file(tmp_path: Path, text: str, sentence: str) -> None:
    """What, where, what to do."""
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        registry.read_manifest(path)
    assert sentence in str(caught.value)
    if "restart_at" not in sentence:
        assert "x.yaml" in str(caught.value)


def test_instances_are_services_of_their_own() -> None:
    """Each knows its number."""
    manifest = registry.Manifest(name="w", command=("true",), instances=3)
    spread = registry.spread([manifest])
    assert [one.name for one in spread] == ["w", "w-2", "w-3"]
    assert spread[2].environment["CRYPTOBOT_INSTANCE"] == "3"


def test_targets_are_found_by_name(tmp_path: Path) -> None:
    """`service run NAME` uses this; the daemon is a name too."""
    home = Home(tmp_path)
    assert registry.target_of(home, Settings(), "bus") == "cryptobot.bus.broker:main"
    assert registry.target_of(home, Settings(), "supervisor") == registry.SUPERVISOR_TARGET
    with pytest.raises(SettingsError, match="did you mean 'trade'"):
        registry.target_of(home, Settings(), "trde")


def test_groups_are_read_and_checked(tmp_path: Path) -> None:
    """A wrong strategy names the file."""
    home = Home(tmp_path)
    assert registry.load_groups(home) == []
    (tmp_path / "groups.yaml").write_text("- {name: g, strategy: one-for-all, limit: 2}\n", encoding="utf-8")
    assert registry.load_groups(home) == [registry.Group(name="g", strategy="one-for-all", limit=2)]
    (tmp_path / "groups.yaml").write_text("- {name: g, strategy: all}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"groups\.yaml"):
        registry.load_groups(home)


def test_manifests_are_frozen() -> None:
    """A changed manifest is a new one."""
    with pytest.raises(AttributeError):
        registry.Manifest(name="x").name = "y"  # type: ignore[misc]
    assert msgspec.structs.replace(registry.Manifest(name="x"), name="y").name == "y"


def test_a_service_names_the_secrets_that_its_settings_need() -> None:
    """Trade has its venue's key; who keeps tables has the database's secret, when there is one."""
    plain = {one.name: one.secrets for one in registry.built_in(Settings())}
    assert set(plain.pop("trade")) == {"paper.api_key", "paper.api_secret", "paper.api_password"}
    assert "database.key" not in {name for names in plain.values() for name in names}
    sealed = Settings(data=DataSettings(exchange="kraken"), database=DatabaseSettings(encrypted=True))
    named = {one.name: one.secrets for one in registry.built_in(sealed)}
    assert set(named["trade"]) == {
        "kraken.api_key", "kraken.api_secret", "kraken.api_password", "database.key",
    }  # fmt: skip
    assert named["dashboard"] == ()
    assert "database.key" in named["auth"]


def test_every_service_with_tables_is_handed_the_databases_secret() -> None:
    """Who owns tables says so in the table of services; without it an encrypted home could not start."""
    server = Settings(database=DatabaseSettings(url="postgresql://bot@localhost/cryptobot"))
    named = {one.name for one in registry.built_in(server) if "database.password" in one.secrets}
    for name in (owner.name for owner in owners()):
        assert name in named, f"{name} needs stores=True in supervisor/catalogue/registry.py"


def test_a_change_in_a_section_restarts_who_reads_it() -> None:
    """`config set` tells people the same that a reload does."""
    readers = registry.readers(Settings())
    assert readers["trade"] == ["trade"]
    assert {"data", "trade", "strategy"} <= set(readers["data"])
    assert "auth" in readers["auth"]
