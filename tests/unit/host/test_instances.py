"""What a service of several processes is called."""

import pytest
from cryptobot.services.host.service import Service, of_this_instance


class Worker(Service):
    """A service of which there may be several."""

    name = "worker"


class Second(Service):
    """A service that says itself which one it is."""

    name = "worker-2"


def test_the_first_instance_has_the_plain_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without a number from the supervisor."""
    assert of_this_instance(Worker) is Worker
    monkeypatch.setenv("CRYPTOBOT_INSTANCE", "1")
    assert of_this_instance(Worker) is Worker


def test_further_instances_have_their_number_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """NAME-N, as the supervisor calls them, also when the service says so itself."""
    monkeypatch.setenv("CRYPTOBOT_INSTANCE", "2")
    assert of_this_instance(Worker).name == "worker-2"
    assert issubclass(of_this_instance(Worker), Worker)
    assert of_this_instance(Second) is Second
