"""schemathesis against a running platform: real services behind the API, and no error of the server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

schemathesis = pytest.importorskip("schemathesis")

ADD_ONS = ("risk", "portfolio", "backtest")
# What would end the platform under the test, or log its own key out.
LEFT_OUT = ("/api/v1/reload", "/services/{name}/scale")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A demo with every add-on, and an admin's API key."""
    home = str(tmp_path_factory.mktemp("home"))
    program = [sys.executable, "-m", "cryptobot", "--home", home]
    added = [word for name in ADD_ONS for word in ("--set", f"services.{name}.enabled=true")]
    subprocess.run([*program, "demo", "-d", "--no-browser", "--set", "dashboard.port=0", *added],
                   check=True, timeout=300, stdout=subprocess.DEVNULL)  # fmt: skip
    try:
        scopes = [
            "market.read", "service.read", "trade.read", "trade.order", "trade.halt", "strategy.read",
            "strategy.control", "health.read", "backtest.read", "backtest.run", "config.read", "user.read",
            "audit.read", "bus.read", "paper.fault", "secret.read", "apikey.manage",
        ]  # fmt: skip
        words = [word for scope in scopes for word in ("--scope", scope)]
        made = subprocess.run([*program, "apikey", "create", "admin", "fuzz", *words, "--json"],
                              check=True, capture_output=True, timeout=60)  # fmt: skip
        told = json.loads((Path(home) / "run" / "dashboard.json").read_bytes())
        yield {"home": home, "url": told["url"].rstrip("/"), "key": json.loads(made.stdout)["secret"]}
    finally:
        subprocess.run([*program, "down"], check=False, timeout=120, stdout=subprocess.DEVNULL)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_running_platform_answers_everything_without_an_error_of_its_own(platform: Any) -> None:
    """Every address with many kinds of input: refusals, never 5xx; and the platform still trades."""
    headers, trust = {"Authorization": f"Bearer {platform['key']}"}, f"{platform['home']}/keys/ca.crt"
    schema = schemathesis.openapi.from_url(
        f"{platform['url']}/api/v1/openapi.json", headers=headers, verify=trust
    )
    failures: dict[str, str] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.endswith(LEFT_OUT):
            continue

        @settings(max_examples=4, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def run(case: Any) -> None:
            answer = case.call(headers=headers, verify=trust)
            # An add-on that is switched off says so; that is no fault.
            if answer.status_code >= 500 and b'"not_running"' not in answer.content:
                failures[f"{case.method} {case.path}"] = answer.text[:300]

        run()

    assert failures == {}
