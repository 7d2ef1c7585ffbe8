"""How long settings take: loading and checking everything, and `cryptobot config get` as a process."""

import json
import statistics
import subprocess
import sys
import time

import pytest
from cryptobot.configs.exchange import export
from cryptobot.configs.load import load
from cryptobot.configs.paths import Home

pytestmark = pytest.mark.bench


def median_ms(count, work):
    """Median of single runs."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(times), 2)


def test_cost_of_settings(tmp_path, capsys):
    """Prints medians in milliseconds; the bars are 50 for loading, 250 for the command."""
    home = Home(tmp_path)
    home.config_file.write_text(export(load(home, (), {}), everything=True))
    command = [
        sys.executable,
        "-m",
        "cryptobot",
        "--home",
        str(tmp_path),
        "config",
        "get",
        "trade.max_open_orders",
    ]
    found = {
        "load everything, ms": median_ms(50, lambda: load(home, (), {})),
        "load everything and look at the surroundings, ms": median_ms(50, lambda: load(home)),
        "config get, ms": median_ms(15, lambda: subprocess.run(command, check=True, capture_output=True)),
        "bare python, ms": median_ms(15, lambda: subprocess.run([sys.executable, "-c", ""], check=True)),
    }
    with capsys.disabled():
        print("\n" + json.dumps(found, indent=1))
