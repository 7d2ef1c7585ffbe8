"""Settings as other processes meet them: exit codes, sentences, and what is imported."""

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def cryptobot(tmp_path):
    """Runs the command in a home of its own; `variables` go into its environment."""

    def run(*arguments, says=None, **variables):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTOBOT")}
        return subprocess.run(
            [sys.executable, "-m", "cryptobot", "--home", str(tmp_path), *arguments],
            capture_output=True,
            input=says,
            text=True,
            timeout=60,
            check=False,
            env=clean | variables,
        )

    return run


def test_a_wrong_key_ends_with_2_and_a_sentence(cryptobot, tmp_path):
    """`up` with a misspelt key says file, line and the right key; there is no traceback."""
    (tmp_path / "config.yaml").write_text("trade:\n  max_open_ordrs: 3\n")
    for command in (["up", "-d"], ["config", "check"], ["config", "get", "trade.max_open_orders"]):
        done = cryptobot(*command)
        assert done.returncode == 2, (command, done)
        assert "config.yaml:2:3" in done.stderr
        assert "did you mean trade.max_open_orders" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("variable", ["CRYPTOBOT__TRADE__MAX_OPEN_ORDERS", "CRYPTOBOT__TRAD__X"])
def test_a_wrong_variable_ends_with_2(cryptobot, variable):
    """The name of the variable is told."""
    done = cryptobot("config", "check", **{variable: "many"})
    assert done.returncode == 2
    assert variable in done.stderr


@pytest.mark.parametrize("words", [["get", "trade.max_open_orders"], ["explain", "log.level"], ["check"]])
def test_reading_settings_imports_nothing_heavy(tmp_path, words):
    """`config get` loads neither ccxt nor flask nor numpy, nor editor, cipher, bus or database."""
    script = (
        "import sys, runpy\n"
        f"sys.argv = ['cryptobot', '--home', {str(tmp_path)!r}, 'config', *{words!r}]\n"
        "try:\n"
        "    runpy.run_module('cryptobot', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "heavy = {'ccxt', 'flask', 'numpy', 'ruamel', 'cryptography', 'peewee', 'zmq', 'pydantic',\n"
        "    'psutil', 'argon2', 'keyring', 'structlog', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_set_says_what_a_reload_will_do(cryptobot):
    """One key counts at once, one restarts its service, one waits for a person."""
    words = [
        "config",
        "set",
        "log.level=debug",
        "trade.max_open_orders=7",
        "database.encrypted=true",
        "--json",
    ]
    answer = json.loads(cryptobot(*words).stdout)
    assert (answer["live"], answer["restarts"], answer["person"]) == (
        ["log.level"],
        ["trade"],
        ["database.encrypted"],
    )


def test_import_of_the_database_room_loads_no_driver():
    """A service on SQLite pays for no other driver."""
    script = (
        "import sys\n"
        "import cryptobot.services.database.store\n"
        "drivers = {'psycopg', 'psycopg2', 'pymysql', 'MySQLdb', 'sqlcipher3', 'ccxt', 'flask'}\n"
        "print(sorted(drivers & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_a_setting_is_changed_shown_and_rolled_back(cryptobot):
    """set, get, history and rollback work together."""
    assert cryptobot("config", "set", "trade.max_open_orders", "7").returncode == 0
    assert json.loads(cryptobot("config", "get", "trade.max_open_orders", "--json").stdout) == 7
    assert cryptobot("config", "set", "trade.max_open_orders", "8").returncode == 0
    assert cryptobot("config", "rollback", "1").returncode == 0
    assert json.loads(cryptobot("config", "get", "trade.max_open_orders", "--json").stdout) == 7


def test_a_passphrase_is_changed_by_rotation(cryptobot):
    """The new one is asked for; the old one opens nothing any more."""
    old = {"CRYPTOBOT_PASSPHRASE": "the first passphrase"}
    assert cryptobot("secret", "set", "binance.api_key", says="canary", **old).returncode == 0
    assert cryptobot("secret", "rotate", says="the second passphrase", **old).returncode == 0
    refused = cryptobot("secret", "set", "binance.api_key", says="canary", **old)
    assert (refused.returncode, "The passphrase is wrong." in refused.stderr) == (2, True)
    new = {"CRYPTOBOT_PASSPHRASE": "the second passphrase"}
    assert (
        cryptobot("secret", "set", "binance.api_key", "--rotate-days", "0", says="x", **new).returncode == 0
    )
    assert "never" in cryptobot("secret", "list").stdout


def test_a_file_from_elsewhere_is_checked_with_all_its_faults(cryptobot, tmp_path):
    """Each fault has its place in that file; the home's own settings stay out of it."""
    file = tmp_path / "other.yaml"
    file.write_text("trade:\n  max_open_ordrs: 3\n  max_order_value: lots\nlog:\n  level: loud\n")
    done = cryptobot("config", "check", str(file))
    assert done.returncode == 2
    for place in ("other.yaml:2:3", "other.yaml:3:20", "other.yaml:5:10"):
        assert place in done.stderr, done.stderr
    assert cryptobot("config", "check", "-", says="trade:\n  max_open_orders: 3\n").returncode == 0
