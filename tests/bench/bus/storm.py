"""A storm of any length: publisher, broker and consumer killed at random, then every event looked for.

    python tests/bench/bus/storm.py [--minutes 5] [--seed 1]

Ends with 1 when an event was lost, had two effects, or came out of order.
"""

import argparse
import collections
import importlib.util
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cryptobot.configs import snapshot
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings

TEST = Path(__file__).resolve().parents[2] / "process" / "bus" / "test_storm.py"
PARTIES = ("broker", "consumer", "publisher")


def storm_of(folder: Path) -> Any:
    """The storm of the test, in a home of its own."""
    spec = importlib.util.spec_from_file_location("test_storm", TEST)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    home = Home(folder / "home")
    home.create()
    snapshot.write(home, Settings())
    return module.Storm(home, folder)


def rage(storm: Any, minutes: float, chance: random.Random) -> collections.Counter[str]:
    """Kill and start parties, some milliseconds to seconds apart; who was killed how often."""
    killed: collections.Counter[str] = collections.Counter()
    for name in PARTIES:
        storm.start(name)
    end = time.monotonic() + minutes * 60.0
    while time.monotonic() < end:
        time.sleep(chance.choice((0.05, 0.3, 1.0, 3.0)) * chance.random())
        victim = chance.choice(PARTIES)
        storm.kill(victim)
        storm.start(victim)
        killed[victim] += 1
    return killed


def settle(storm: Any, seconds: float) -> bool:
    """End the publisher and wait until what it wrote last had its effect."""
    time.sleep(3.0)
    storm.kill("publisher")
    last, deadline = storm.written(), time.monotonic() + seconds
    while storm.handled()[-1:] != [last]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def main(arguments: list[str]) -> int:
    """Rage, settle, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        storm = storm_of(Path(folder))
        try:
            killed = rage(storm, chosen.minutes, random.Random(chosen.seed))
            settled = settle(storm, 60.0)
        finally:
            for name in tuple(storm.running):
                storm.kill(name)
        handled, published = storm.handled(), storm.published()
    first = handled[0] if handled else 0
    lost = [number for number in set(published) - set(handled) if number > first]
    doubled = len(handled) - len(set(handled))
    in_order = handled == sorted(handled)
    sys.stdout.write(
        f"{chosen.minutes:g} minutes, killed: {dict(killed)}; {len(published)} events published, "
        f"{len(handled)} had an effect; lost {len(lost)}, doubled {doubled}, "
        f"{'in order' if in_order else 'OUT OF ORDER'}, {'settled' if settled else 'NOT SETTLED'}\n"
    )
    return 0 if settled and in_order and not lost and not doubled and handled else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
