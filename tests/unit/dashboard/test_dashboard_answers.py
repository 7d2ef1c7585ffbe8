"""What every answer and every command of the API has in common."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptobot.dashboard.access import ANY_USER, requires
from cryptobot.dashboard.api.commands import TABLE, words_of
from cryptobot.dashboard.api.lists import cursor
from cryptobot.dashboard.jobs import Jobs, TooManyJobsError
from structlog.testing import capture_logs

BASE = "https://localhost:8443"
MakeRig = Callable[[], Any]


def test_words_cannot_become_options() -> None:
    """Whatever a value looks like, it stays a value: after -- or behind = of its own option."""
    for name, (shape, *_) in TABLE.items():
        given = dict.fromkeys(shape.__struct_fields__, "--home=/etc")
        words = words_of(name, shape(**given))
        behind = words.index("--") if "--" in words else len(words)
        free = [word for word in words[:behind] if word.startswith("--home")]
        assert free == [], name


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("data-check", {"symbol": "../../etc/passwd"}),
        ("data-check", {"symbol": "/etc/passwd"}),
        ("data-fetch", {"symbol": "BTC/USDT", "timeframe": "1h; rm", "since": "2024-01-01"}),
        ("strategy-check", {"strategy": "../evil.py"}),
        ("strategy-check", {"strategy": "-x"}),
        ("db-backup", {"owner": "trade", "to": "/tmp"}),
    ],
)
async def test_commands_take_checked_values_only(make_rig: MakeRig, path: str, body: dict[str, str]) -> None:
    """No path, no option, no shell."""
    rig = await make_rig()
    rig.auth.sessions["good"].permissions.extend(["data.write", "database.manage", "backtest.run"])
    headers = {"Origin": BASE, "X-CSRF-Token": "csrf-of-admin"}

    answer = await rig.call("POST", f"/api/v1/commands/{path}", json=body, headers=headers)

    assert (answer.status_code, answer.json["code"]) == (400, "invalid_body")


async def test_an_unexpected_error_says_nothing_of_the_inside(make_rig: MakeRig) -> None:
    """The log has the details; the person gets a sentence."""
    rig = await make_rig()

    @requires(ANY_USER)
    def broken() -> str:
        raise KeyError("/home/me/secret-folder")

    rig.app.add_url_rule("/api/v1/broken", "broken", broken)

    answer = await rig.call("GET", "/api/v1/broken")

    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "secret-folder" not in answer.text
    assert "Traceback" not in answer.text


async def test_no_answer_names_the_server(make_rig: MakeRig) -> None:
    """Neither program nor version."""
    rig = await make_rig()

    for path in ("/login", "/api/v1/session", "/nowhere"):
        headers = (await rig.call("GET", path)).headers
        assert "Server" not in headers
        assert "X-Powered-By" not in headers


async def test_answers_of_the_api_are_downloads_with_a_fixed_name(make_rig: MakeRig) -> None:
    """Nothing of a request becomes a file's name, and no answer becomes a page."""
    rig = await make_rig()

    for path in ("/api/v1/session", "/api/v1/nowhere;evil.bat"):
        answer = await rig.call("GET", path)
        assert answer.headers["Content-Disposition"] == 'attachment; filename="api.json"'


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "text/xml"])
async def test_a_body_that_is_no_json_is_refused_by_its_type(make_rig: MakeRig, kind: str) -> None:
    """415, even when it could be read as JSON."""
    rig = await make_rig()
    headers = {"Origin": BASE, "X-CSRF-Token": "csrf-of-admin", "Content-Type": kind}

    answer = await rig.call("POST", "/api/v1/trading", headers=headers, data=b'{"state": "HALTED"}')

    assert (answer.status_code, answer.json["code"]) == (415, "no_json")


async def test_refused_permissions_are_logged(make_rig: MakeRig) -> None:
    """Who tried what: the log has it."""
    with capture_logs() as lines:
        rig = await make_rig()
        await rig.write("/api/v1/services/data/stop", "poor")

    refused = [line for line in lines if line["event"] == "permission denied"]
    assert [(line["user"], line["permission"]) for line in refused] == [("viewer", "service.control")]


@pytest.mark.parametrize("text", ["%%%", "x" * 501, "\u20ac", "AAAA"])
async def test_a_cursor_of_ones_own_is_refused(make_rig: MakeRig, text: str) -> None:
    """400 and a sentence; nothing is guessed from it."""
    rig = await make_rig()
    rig.auth.sessions["good"].permissions.append("config.read")
    rig.home.create()

    answer = await rig.call("GET", "/api/v1/settings/history", query_string={"cursor": text})

    assert (answer.status_code, answer.json["code"]) == (400, "invalid_cursor")


async def test_a_job_belongs_to_who_started_it(make_rig: MakeRig) -> None:
    """Nobody reads the output of others' commands, and there are never too many."""
    rig = await make_rig()
    jobs = Jobs(rig.home)
    jobs.close()

    with pytest.raises(TooManyJobsError):
        jobs.start("ann", ["status"], 1.0)
    assert jobs.find("nothing", "ann") is None
    assert cursor.__doc__


async def test_a_checksum_of_nothing_is_refused(make_rig: MakeRig) -> None:
    """A home without any past says that the settings are others, and does not stumble over that."""
    rig = await make_rig()
    rig.home.create()
    rig.auth.sessions["good"].permissions.append("config.write")
    headers = {"Origin": BASE, "X-CSRF-Token": "csrf-of-admin"}

    for path, body in (("settings", {"changes": {}}), ("settings/text", {"text": ""})):
        wish = {**body, "expected": "guess"}
        answer = await rig.call("POST", f"/api/v1/{path}", json=wish, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (409, "settings_refused")
