"""What a request on the control socket is read as."""

import os
import pwd

import pytest
from cryptobot.configs.errors import UsageError
from cryptobot.supervisor.catalogue.registry import Manifest
from cryptobot.supervisor.requests.wishes import read
from cryptobot.supervisor.start.shapes import is_stale, shape_of
from cryptobot.supervisor.start.store import Kept


def test_who_asks_is_what_the_kernel_says() -> None:
    """A claim counts only where the kernel says nothing."""
    name = pwd.getpwuid(os.getuid()).pw_name
    assert read({"actor": "mallory", "uid": os.getuid()}).who == f"cli:{name}"
    assert read({"actor": "launcher", "uid": -1}).who == "launcher"
    assert read({"uid": 4_000_000}).who == "cli:4000000"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"service": 3}, "not understood"),
        ({"service": "a", "group": "b"}, "not both"),
        ({"timeout_s": -1}, "between 0 s and a day"),
        ({"timeout_s": float("nan")}, "between 0 s and a day"),
        ({"count": "many"}, "not understood"),
    ],
)
def test_a_wrong_argument_is_told(arguments: dict[str, object], sentence: str) -> None:
    """One sentence, and nothing is done."""
    with pytest.raises(UsageError, match=sentence):
        read(arguments)


def test_a_process_is_stale_when_it_would_be_made_differently() -> None:
    """Program, environment, limits, secrets and settings count; what only the supervisor reads does not."""
    manifest = Manifest(name="a", command=("x",))
    kept = Kept(name="a", pid=1, born=1, shape=shape_of(manifest))
    assert not is_stale(kept, manifest)
    assert not is_stale(kept, Manifest(name="a", command=("x",), restart="never", group="g", instances=3))
    assert is_stale(kept, Manifest(name="a", command=("x",), environment={"A": "1"}))
    assert is_stale(kept, Manifest(name="a", command=("x",), settings_digest="other"))
    assert not is_stale(Kept(name="a", pid=1, born=1), manifest)
