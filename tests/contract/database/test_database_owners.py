"""The tables of every service can be made, backed up and moved on every engine."""

import asyncio

import pytest
import structlog
from cryptobot.bus.contracts.auth import (
    AuditLog,
    AuditReport,
    CreateApiKey,
    ListAudit,
    Login,
    LoginResult,
    NewApiKey,
    VerifyAudit,
)
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs import snapshot
from cryptobot.configs.schema import Settings
from cryptobot.services.auth.service import AuthService
from cryptobot.services.database.backup import backup_folder, make_backup
from cryptobot.services.database.migrations import version_of
from cryptobot.services.database.owners import owners
from cryptobot.services.database.transfer import transfer


@pytest.mark.parametrize("owner", owners(), ids=lambda owner: owner.name)
def test_tables_of_a_service_are_made_on_every_engine(place, owner):
    """All migrations of the service run, twice without harm, and an empty backup can be made."""
    for _ in range(2):
        database = place.open(owner.models, owner.migrations)
        assert version_of(database.engine) == len(owner.migrations)
        for model in owner.models:
            assert model.select().count() == 0
        database.close()
    database = place.open(owner.models, owner.migrations)
    made = make_backup(
        place.home,
        place.owner,
        database.engine,
        backup_folder(place.home),
        reason="test",
        models=owner.models,
    )
    assert made.stat().st_size > 0
    database.close()


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
@pytest.mark.parametrize("owner", owners(), ids=lambda owner: owner.name)
def test_a_service_moves_to_a_server(place_maker, engine, owner):
    """The transfer of every table of the service is accepted by the server."""
    old = place_maker("sqlite").open(owner.models, owner.migrations)
    new = place_maker(engine).open(owner.models, owner.migrations)
    reports = transfer(old.engine, new.engine, list(owner.models), where=new.where)
    assert len(reports) == len(owner.models)
    old.close()
    new.close()


@pytest.mark.parametrize("engine", ["sqlcipher", "postgresql", "mariadb"])
def test_accounts_work_on_every_engine(place_maker, engine):
    """The auth service lives on the engine that the settings name: login, throttling, audit log."""
    place = place_maker(engine)
    snapshot.write(place.home, Settings(database=place.settings))

    async def scenario():
        hub = MemoryHub()
        bus, client = await hub.open_async("auth"), await hub.open_async("test")
        service = AuthService(place.home, Settings(database=place.settings), bus, structlog.get_logger())
        await service.setup()
        try:
            password = (place.home.keys / "initial-password").read_text().strip()
            results = []
            for tried in (password, *["wrong"] * 9):
                wish = Login(user="admin", password=tried, address="10.0.0.1")
                results.append((await client.request("auth", wish, LoginResult, timeout_s=30)).code)
            made = await client.request(
                "auth",
                CreateApiKey(user="admin", name="k", scopes=["trade.read"], actor="t"),
                NewApiKey,
                timeout_s=30,
            )
            log = await client.request("auth", ListAudit(search="LOGIN"), AuditLog, timeout_s=30)
            report = await client.request("auth", VerifyAudit(), AuditReport, timeout_s=30)
        finally:
            await service.stop()
            await client.close()
            await bus.close()
        return results, made, log, report

    results, made, log, report = asyncio.run(scenario())
    assert results[:6] == ["", *["login_failed"] * 5]
    assert "throttled" in results
    assert made.secret.startswith("cb_")
    assert len(log.entries) == 10
    assert report.ok
