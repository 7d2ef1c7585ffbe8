"""How often somebody may ask."""

from collections.abc import Callable
from typing import Any

from cryptobot.bus.contracts.auth import Session
from cryptobot.dashboard.rates import STRANGERS, Rate, Rates

MakeRig = Callable[[], Any]


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills_again() -> None:
    """A burst is allowed, then the rate; the wait is told to the second."""
    clock = Clock()
    rates, rate = Rates(clock), Rate(burst=3, per_s=2)

    waits = [rates.wait_s("ann", rate) for _ in range(4)]
    clock.now += 0.5
    later = [rates.wait_s("ann", rate) for _ in range(2)]

    assert waits == [0, 0, 0, 0.5]
    assert later == [0, 0.5]


def test_one_who_asks_too_often_keeps_nobody_else_from_asking() -> None:
    """Each address has a bucket of its own."""
    rates, rate = Rates(Clock()), Rate(burst=1, per_s=1)

    assert [rates.wait_s(who, rate) for who in ("a", "a", "b")] == [0, 1, 0]


def test_a_flood_is_told_once_a_minute() -> None:
    """The log is not flooded with the flood."""
    clock = Clock()
    rates = Rates(clock)

    told = [rates.first_refusal("a") for _ in range(3)]
    clock.now += 61

    assert (told, rates.first_refusal("a")) == ([True, False, False], True)


async def test_a_stranger_who_asks_too_often_is_told_to_wait(make_rig: MakeRig) -> None:
    """The login answers 429 with Retry-After; whoever is logged in goes on."""
    rig = await make_rig()

    statuses = [(await rig.call("GET", "/login", holder="")).status_code for _ in range(int(STRANGERS.burst))]
    refused = await rig.call("GET", "/login", holder="")
    for _ in range(10):  # the clock runs meanwhile, so that a token or two may have come
        refused = refused if refused.status_code == 429 else await rig.call("GET", "/login", holder="")

    assert set(statuses) == {200}
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert (await rig.call("GET", "/api/v1/session")).status_code == 200


async def test_api_keys_are_not_guessed_quickly(make_rig: MakeRig) -> None:
    """Wrong keys are counted as a stranger's tries are, and the answer becomes 429."""
    rig = await make_rig()
    statuses = set()

    for guess in range(3 * int(STRANGERS.burst)):
        headers = {"Authorization": f"Bearer cb_{guess}_x"}
        statuses.add((await rig.call("GET", "/api/v1/orders", holder="", headers=headers)).status_code)

    assert statuses == {401, 429}


async def test_a_session_that_asks_very_often_is_slowed_down(make_rig: MakeRig, monkeypatch: Any) -> None:
    """By user, whatever address the requests come from."""
    monkeypatch.setattr("cryptobot.dashboard.access.USERS", Rate(burst=3, per_s=0.01))
    rig = await make_rig()

    answers = [await rig.call("GET", "/api/v1/session") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json["code"] == "too_many_requests"
    assert isinstance(rig.auth.sessions["good"], Session)
