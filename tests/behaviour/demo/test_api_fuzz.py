"""schemathesis against a running platform: real services behind the API, and no error of the server."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings

schemathesis = pytest.importorskip("schemathesis")

ADD_ONS = ("risk", "portfolio", "backtest", "notify", "analytics")
# What would end the platform under the test, or its own session.
LEFT_OUT = (
    "/api/v1/reload", "/services/{name}/scale", "/account/sessions/end-others", "/account/step-up",
    "/account/second-factor/confirm", "/updates/apply", "/updates/rollback",
)  # fmt: skip
NARROWED = [
    "market.read", "service.read", "trade.read:main", "strategy.read:ema-*", "strategy.control:ema-*",
    "secret.write:notify.*", "user.read", "audit.read", "config.read",
]  # fmt: skip
PASSWORD = "quiet otter 4711 paints walls"


class Platform:
    """A demo with every add-on."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._program = [sys.executable, "-m", "cryptobot", "--home", str(home)]

    def run(self, *words: str, says: str = "", check: bool = True) -> str:
        """What a command prints."""
        return subprocess.run(
            [*self._program, *words], check=check, timeout=400, input=says, text=True, capture_output=True
        ).stdout

    def add(self, role: str) -> None:
        """Somebody of that role."""
        self.run("user", "add", f"{role}-person", "--role", role, "--ask", says=f"{PASSWORD}\n")

    @property
    def url(self) -> str:
        """Where its dashboard is."""
        told = json.loads((self.home / "run" / "dashboard.json").read_bytes())
        return str(told["url"]).rstrip("/")

    def key(self, role: str) -> dict[str, str]:
        """Headers of a new API key of somebody of that role, with all that the role may."""
        held = self.ask("get", "roles", self.session("admin"))["roles"][role]
        words = [word for scope in held for word in ("--scope", scope)]
        told = json.loads(self.run("apikey", "create", f"{role}-person", "fuzz", *words, "--json"))
        return {"Authorization": f"Bearer {told['secret']}"}

    def ask(self, method: str, path: str, headers: dict[str, str], body: object = None) -> Any:
        """One request to the API that has to be granted."""
        browser = requests.Session()
        browser.trust_env, browser.verify = False, str(self.home / "keys" / "ca.crt")
        answer = browser.request(method, f"{self.url}/api/v1/{path}", json=body, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def session(self, role: str) -> dict[str, str]:
        """Headers of a new session of somebody of that role, as their browser would send them."""
        browser = requests.Session()
        browser.trust_env, browser.verify = False, str(self.home / "keys" / "ca.crt")
        form = _found(r'name="form_token" value="([^"]+)"', browser.get(f"{self.url}/login").text)
        said = {"form_token": form, "user": f"{role}-person", "password": PASSWORD}
        browser.post(f"{self.url}/login", data=said, headers={"Origin": self.url}).raise_for_status()
        token = _found(r'name="csrf_token" value="([^"]+)"', browser.get(f"{self.url}/account").text)
        cookies = "; ".join(f"{one.name}={one.value}" for one in browser.cookies)
        return {"Cookie": cookies, "Origin": self.url, "X-CSRF-Token": token}


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text[:500]
    return match[1]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A demo, and somebody of every role."""
    made = Platform(tmp_path_factory.mktemp("home"))
    added = [word for name in ADD_ONS for word in ("--set", f"services.{name}.enabled=true")]
    try:
        made.run("demo", "-d", "--no-browser", "--set", "dashboard.port=0", *added)
        for role in ("admin", "trader", "viewer"):
            made.add(role)
        made.ask("post", "roles/narrow", made.session("admin"), {"permissions": NARROWED})
        made.add("narrow")
        yield made
    finally:
        made.run("down", check=False)


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("way", ["session", "key"])
@pytest.mark.parametrize("role", ["admin", "trader", "viewer", "narrow"])
def test_a_running_platform_answers_every_role_without_an_error_of_its_own(
    platform: Platform, role: str, way: str
) -> None:
    """Every address with many kinds of input, by everybody who may log in: refusals, never 5xx."""
    failures = fuzz(platform, platform.session(role) if way == "session" else platform.key(role))

    assert failures == {}


def fuzz(platform: Platform, headers: dict[str, str], examples: int = 4) -> dict[str, str]:
    """Try every address of the description; which requests came to an error of the server."""
    trust = str(platform.home / "keys" / "ca.crt")
    schema = schemathesis.openapi.from_url(
        f"{platform.url}/api/v1/openapi.json", headers=headers, verify=trust
    )
    failures: dict[str, str] = {}
    answered: set[int] = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.endswith(LEFT_OUT):
            continue

        @settings(
            max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy())
        def run(case: Any) -> None:
            answer = case.call(headers=headers, verify=trust)
            answered.add(answer.status_code)
            # An add-on that is switched off says so; that is no fault.
            if answer.status_code >= 500 and b'"not_running"' not in answer.content:
                failures[f"{case.method} {case.path}"] = answer.text[:300]

        run()
    assert 200 in answered
    return failures
