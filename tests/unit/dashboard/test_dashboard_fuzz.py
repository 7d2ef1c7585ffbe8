"""schemathesis reads the description and tries what nobody thought of: nothing makes it stumble."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import structlog
from cryptobot.bus.contracts.auth import Session, Users
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.paths import Home
from cryptobot.dashboard.app import create_app
from cryptobot.dashboard.jobs import TooManyJobsError
from cryptobot.dashboard.rates import Rate
from cryptobot.dashboard.sessions import Proof
from cryptobot.services.auth.permissions import ALL
from hypothesis import HealthCheck, given, settings

schemathesis = pytest.importorskip("schemathesis")

SLOW = [pytest.mark.slow, pytest.mark.timeout(900)]
QUIET = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
SENT = {"Origin": "https://localhost", "X-CSRF-Token": "token"}


@pytest.fixture
def described(tmp_path: Path) -> Iterator[Any]:
    """The application for an admin; services refuse everything, so what is left is the dashboard's own."""
    home = Home(tmp_path)
    home.create()
    accounts = Users(users=[], roles={"admin": sorted(ALL)})

    def refuse(service: str, question: Any, reply: type, timeout_s: float = 4.0) -> Any:
        if reply is Users:
            return accounts
        raise RequestFailedError("refused", "This service refuses everything.")

    gateway, sessions = MagicMock(), MagicMock()
    gateway.request_from_thread.side_effect = refuse
    gateway.read_from_thread.return_value = None
    sessions.check_from_thread.return_value = Session(
        user="admin", role="admin", permissions=sorted(ALL), csrf_token="token",
        expires_ms=4_000_000_000_000, stepped_up_until_ms=4_000_000_000_000,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("cryptobot.dashboard.access.USERS", Rate(10**9, 10**9))
        patched.setattr("cryptobot.dashboard.access.proof_of", lambda key, cookie: Proof("good"))
        app = create_app(gateway, sessions, MagicMock(), home, structlog.get_logger())
        patched.setattr("cryptobot.dashboard.jobs.Jobs.start", too_busy)
        yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)


def too_busy(*_: Any, **__: Any) -> Any:
    """No command is really run."""
    raise TooManyJobsError("busy")


@pytest.mark.parametrize(
    "examples", [1, pytest.param(25, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_nothing_that_fits_the_description_makes_the_dashboard_stumble(described: Any, examples: int) -> None:
    """Bodies, parameters and headers of all kinds at every address: never an error of the server."""
    tried = 0
    for found in described.get_all_operations():
        operation = found.ok()
        if examples == 1 and not operation.body:
            continue  # the short run looks where most is read: at bodies

        @settings(
            max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy())
        def run(case: Any) -> None:
            answer = case.call(headers=SENT)
            assert answer.status_code < 500, f"{case.method} {case.path}: {answer.text}"

        run()
        tried += 1

    assert tried > (30 if examples == 1 else 100)
