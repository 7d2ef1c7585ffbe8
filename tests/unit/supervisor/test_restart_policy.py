"""RestartPolicy, with a clock of our own."""

import pytest
from cryptobot.supervisor.restarts import RestartPolicy


def _policy(**changes: float) -> RestartPolicy:
    values = {"initial_s": 1.0, "maximum_s": 8.0, "limit": 100, "window_s": 60.0, "stable_s": 5.0, **changes}
    return RestartPolicy(
        initial_s=values["initial_s"],
        maximum_s=values["maximum_s"],
        limit=int(values["limit"]),
        window_s=values["window_s"],
        stable_s=values["stable_s"],
    )


def test_the_first_restart_is_at_once_and_waits_double_up_to_the_cap() -> None:
    """0, then 1, 2, 4, 8, 8 seconds, each with jitter of a fifth."""
    policy = _policy()
    waits = [policy.failed(float(number), 0.0) for number in range(6)]
    assert waits[0] == 0.0
    for wait, middle in zip(waits[1:], [1.0, 2.0, 4.0, 8.0, 8.0], strict=True):
        assert wait is not None
        assert middle * 0.8 <= wait <= middle * 1.2


def test_jitter_keeps_two_services_from_marching_in_step() -> None:
    """Twenty policies in the same situation do not wait equally long."""
    policies = [_policy() for _ in range(20)]
    for policy in policies:
        policy.failed(0.0, 0.0)
    assert len({policy.failed(1.0, 0.0) for policy in policies}) > 10


def test_a_stable_run_ends_a_row() -> None:
    """After five seconds of running, the next restart is at once again."""
    policy = _policy()
    for number in range(4):
        policy.failed(float(number), 0.0)
    assert policy.failed(100.0, 5.0) == 0.0


def test_more_failures_than_the_limit_within_the_window_are_too_many() -> None:
    """Also when every run was stable."""
    policy = _policy(limit=3)
    assert [policy.failed(now, 10.0) for now in (0.0, 15.0, 30.0)] == [0.0, 0.0, 0.0]
    assert policy.failed(45.0, 10.0) is None


def test_failures_spread_wider_than_the_window_are_not_too_many() -> None:
    """The oldest leave the window."""
    policy = _policy(limit=3)
    assert all(policy.failed(now * 25.0, 10.0) is not None for now in range(100))


def test_a_row_longer_than_the_limit_is_too_long_however_long_it_waits() -> None:
    """Backoff must not stretch a crash loop to infinity."""
    policy = _policy(limit=4)
    results = [policy.failed(now * 1000.0, 0.0) for now in range(5)]
    assert results[:4].count(None) == 0
    assert results[4] is None


def test_reset_forgets() -> None:
    """A person asked for a start: all counts begin anew."""
    policy = _policy(limit=1)
    policy.failed(0.0, 0.0)
    assert policy.failed(1.0, 0.0) is None
    policy.reset()
    assert policy.failed(2.0, 0.0) == 0.0
    assert policy.recent(2.0) == 1


@pytest.mark.parametrize("count", [50, 5000])
def test_memory_does_not_grow_with_failures(count: int) -> None:
    """Only as many moments are kept as the limit needs."""
    policy = _policy(limit=10)
    for number in range(count):
        policy.failed(number * 100.0, 10.0)
    assert len(policy._failures) <= 11
