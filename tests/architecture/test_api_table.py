"""The API does what the command line does: docs/api.md says by which address, or why not."""

import re
import typing
from pathlib import Path
from unittest.mock import MagicMock

import msgspec
import pytest
import structlog
from cryptobot.configs.paths import Home
from cryptobot.dashboard.api.openapi import DESCRIBED
from cryptobot.dashboard.app import create_app
from cryptobot.supervisor.cli.table import COMMANDS
from flask import Flask

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
ROW = re.compile(r"^\| `([a-z -]+)` \| (.+) \|$", re.MULTILINE)
ROUTE = re.compile(r"`((?:GET|POST) [^`]+)`")
# Lists that are no pages, and why.
WHOLE = {
    "api_recovery_codes": "ten codes, shown this once",
    "api_reset_codes": "ten codes, shown this once",
    "api_session": "the permissions of one person",
    "api_settings": "every key there is, a fixed number",
    "api_check_settings": "the faults of one text",
    "api_templates": "the bundled ones, a handful",
    "api_health": "a curve of so many points as are asked for",
    "api_doctor": "one finding a check",
    "api_risk": "one entry a limit",
    "api_rearm": "one entry a limit",
    "api_portfolio": "one entry a coin and a strategy",
    "api_portfolio_plan": "one entry a coin",
    "api_rebalance": "one entry an order of the plan",
    "api_lots": "a tax year as a whole; the sums belong to all of it",
    "api_backtest": "one job with its curve and trades",
    "api_ledger": "one entry a coin that differs",
    "api_logs": "the newest so many lines; since_ms goes on",
    "api_bus_replay": "from_ms and to_ms are the pages",
    "api_verify_audit": "one verdict",
    "api_paper": "the markets of one exchange",
    "api_paper_faults": "the kinds of faults, a fixed number",
    "api_paper_fault": "the kinds of faults, a fixed number",
    "api_confirm_totp": "ten codes",
    "api_create_key": "the scopes of one key",
    "api_trust": "the findings of one verdict",
    "api_performance": "one period with its curve",
    "api_reports": "reports on disk, a few a year",
    "api_report": "one report",
    "api_notifications": "channels and rules of the settings",
    "api_update": "the versions on the disk, a handful",
    "api_check_update": "the versions on the disk, a handful",
    "api_step_up": "the permissions of one person",
    "api_roles": "all permissions, a fixed number",
    "api_test_channels": "one entry a channel of the settings",
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application without anybody behind it."""
    home = Home(tmp_path_factory.mktemp("home"))
    return create_app(MagicMock(), MagicMock(), MagicMock(), home, structlog.get_logger())


def rows() -> dict[str, str]:
    """The table of docs/api.md."""
    return dict(ROW.findall(PAGE.read_text(encoding="utf-8")))


def test_every_command_has_an_address_or_a_reason() -> None:
    """Whoever adds a command says how programs do the same, or why they cannot."""
    told = rows()

    assert sorted({entry.name for entry in COMMANDS} - told.keys()) == []
    assert sorted(told.keys() - {entry.name for entry in COMMANDS}) == []
    assert [name for name, text in told.items() if not ROUTE.search(text) and len(text) < 15] == []


def test_the_addresses_of_the_table_are_there(app: Flask) -> None:
    """A route that was renamed or removed is found here."""
    there = {
        f"{verb} {rule.rule.removeprefix('/api/v1/')}"
        for rule in app.url_map.iter_rules()
        for verb in rule.methods or ()
    }

    assert sorted({route for text in rows().values() for route in ROUTE.findall(text)} - there) == []


def test_every_list_comes_in_pages_or_says_why_not() -> None:
    """A list that grows with time has a cursor and a limit."""
    unpaged = {
        endpoint
        for endpoint, (reply, _, words) in DESCRIBED.items()
        if reply is not None and "cursor" not in words and _has_list(reply)
    }

    assert sorted(unpaged - WHOLE.keys()) == []


def _has_list(reply: type) -> bool:
    fields = msgspec.structs.fields(reply)
    return any(typing.get_origin(field.type) is list for field in fields)
