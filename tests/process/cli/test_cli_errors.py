"""Bad input: one sentence, the right exit code, never a traceback."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "object"]

NEED_THE_DAEMON = [
    ["status"],
    ["down"],
    ["start", "data"],
    ["stop", "data"],
    ["restart", "data"],
    ["reload"],
    ["orders"],
    ["fills"],
    ["positions"],
    ["balance"],
    ["halt"],
    ["resume"],
    ["paper", "info"],
    ["bus", "tail"],
    ["bus", "top"],
    ["bus", "send", "alert.info", "Alert", "{}"],
    ["dashboard"],
    ["user", "list"],
]


@pytest.mark.parametrize("words", NEED_THE_DAEMON, ids=" ".join)
def test_what_needs_the_daemon_says_that_it_does_not_run(
    words: list[str], cryptobot: Run, home: Path
) -> None:
    """Exit code 3; nothing on stdout; the home is not even made."""
    if words[-1] == "{}":
        words = [*words[:-1], '{"key":"k","severity":"info","source":"s","title":"t","detail":"d"}']

    ran = cryptobot(*words)

    assert (ran.code, ran.out) == (3, "")
    assert len(ran.sentences) == 1
    assert "does not run" in ran.err
    assert not home.exists()


@pytest.mark.parametrize(
    "words", [["status", "--json"], ["orders", "--json"], ["balance", "--json"]], ids=" ".join
)
def test_json_commands_print_no_json_when_they_fail(words: list[str], cryptobot: Run) -> None:
    """A program that reads stdout gets nothing to misread."""
    ran = cryptobot(*words)

    assert (ran.code, ran.out) == (3, "")


def test_an_unknown_command_is_wrong_use(cryptobot: Run) -> None:
    """With the nearest name."""
    ran = cryptobot("dmeo")

    assert ran.code == 2
    assert ran.sentences == [
        "cryptobot: There is no command `dmeo`. Did you mean `demo`? `cryptobot --help` lists all."
    ]


@pytest.mark.parametrize("words", [["logs", "dta"], ["logs", "-f", "dta"]], ids=" ".join)
def test_an_unknown_service_is_wrong_use(words: list[str], cryptobot: Run) -> None:
    """With the nearest name, also when nothing runs."""
    ran = cryptobot(*words)

    assert ran.code == 2
    assert "Did you mean `data`?" in ran.err


def test_an_unknown_setting_is_wrong_use(cryptobot: Run) -> None:
    """With the nearest name; nothing is started."""
    ran = cryptobot("demo", "--set", "trade.max_open_order=3")

    assert ran.code == 2
    assert "trade.max_open_orders" in ran.err
    assert "Traceback" not in ran.err


def test_a_setting_of_the_wrong_type_is_wrong_use(cryptobot: Run) -> None:
    """With what was found and what is allowed."""
    ran = cryptobot("up", "-d", "--set", "trade.max_open_orders=many")

    assert ran.code == 2
    assert "many" in ran.err
    assert "whole number" in ran.err


def test_a_broken_settings_file_is_named_with_its_line(cryptobot: Run, home: Path) -> None:
    """File, line, key."""
    home.mkdir()
    (home / "config.yaml").write_text("trade:\n  max_open_orders: many\n")

    ran = cryptobot("up", "-d")

    assert ran.code == 2
    assert f"{home / 'config.yaml'}:2" in ran.err
    assert "trade.max_open_orders" in ran.err


def test_a_taken_port_is_refused_before_anything_starts(cryptobot: Run, home: Path) -> None:
    """The sentence names the port and the way out."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ran = cryptobot("demo", CRYPTOBOT__DASHBOARD__PORT=str(port))

    assert ran.code == 2
    assert f"Port {port} on 127.0.0.1" in ran.err
    assert "--set dashboard.port=0" in ran.err
    assert not (home / "run" / "settings.json").exists()


@pytest.mark.parametrize("words", [["demo"], ["up"], ["up", "-d"], ["demo", "-d"]], ids=" ".join)
def test_a_home_that_cannot_be_made_is_refused(words: list[str], cryptobot: Run, tmp_path: Path) -> None:
    """A file is in its place: that stops root, too."""
    (tmp_path / "file").write_text("")

    ran = cryptobot(*words, "--home", str(tmp_path / "file" / "home"))

    assert ran.code == 2
    assert len(ran.sentences) == 1
    assert "cannot be written" in ran.err
    assert "--home DIR" in ran.err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_without_permission_is_refused(cryptobot: Run, tmp_path: Path) -> None:
    """The reason is the system's own."""
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)

    ran = cryptobot("demo", "--home", str(locked / "home"))

    assert ran.code == 2
    assert "cannot be written" in ran.err


def test_a_disabled_service_that_is_required_is_refused(cryptobot: Run) -> None:
    """The one that needs it is named; otherwise it would wait for ever."""
    ran = cryptobot("up", "-d", "--set", "services.trade.enabled=false")

    assert ran.code == 2
    assert "strategy requires trade" in ran.err


@pytest.mark.parametrize("value", ["", "soon", "-5s", "0"])
def test_a_wrong_length_of_the_demo_is_refused(value: str, cryptobot: Run) -> None:
    """With an example."""
    ran = cryptobot("demo", "--for", value)

    assert ran.code == 2
    assert "90s" in ran.err


def test_a_demo_cannot_be_both_detached_and_timed(cryptobot: Run) -> None:
    """Nobody would be there to end it."""
    ran = cryptobot("demo", "-d", "--for", "10s")

    assert ran.code == 2
    assert "cryptobot down" in ran.err


def test_a_broken_regular_expression_is_wrong_use(cryptobot: Run) -> None:
    """With the reason."""
    ran = cryptobot("logs", "data", "--grep", "(")

    assert ran.code == 2
    assert "is not a regular expression" in ran.err


def test_an_unknown_message_is_wrong_use(cryptobot: Run) -> None:
    """With the nearest name, before anything is sent."""
    ran = cryptobot("bus", "send", "alert.info", "Alrt", "{}")

    assert ran.code == 2
    assert "Did you mean `Alert`?" in ran.err


def test_a_payload_that_is_not_the_message_is_wrong_use(cryptobot: Run) -> None:
    """With the field that is missing."""
    ran = cryptobot("bus", "send", "alert.info", "Alert", '{"key": "k"}')

    assert ran.code == 2
    assert "severity" in ran.err


def test_orders_are_not_forged_without_being_asked_for(cryptobot: Run) -> None:
    """Topics of the money path need --yes when nobody is at the keyboard."""
    ran = cryptobot("bus", "send", "risk.state", "TradingState", TRADING_STATE)

    assert ran.code == 2
    assert "--yes" in ran.err


TRADING_STATE = json.dumps({"state": "ACTIVE", "reason": "", "actor": "me", "since_ms": 0})


def test_a_service_cannot_run_where_nothing_was_started(cryptobot: Run) -> None:
    """It needs the settings that the daemon puts in force."""
    ran = cryptobot("service", "run", "data")

    assert ran.code == 3
    assert "cryptobot up" in ran.err


def test_stdout_that_goes_away_is_no_error(environment: dict[str, str]) -> None:
    """`cryptobot bus ls | head -1` ends quietly."""
    import subprocess
    import sys

    words = f"{sys.executable} -m cryptobot bus ls | head -1"
    done = subprocess.run(
        ["/bin/sh", "-c", words], capture_output=True, text=True, env=environment, timeout=60, check=False
    )

    assert done.stderr == ""
    assert done.stdout.startswith("NUMBER")
