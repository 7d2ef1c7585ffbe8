"""A POST that is sent again is answered again, and carried out once."""

import asyncio
import contextlib
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptobot.bus.api import Request
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import ControlService
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.paths import Home
from cryptobot.dashboard.app import ANSWERS
from cryptobot.dashboard.idempotency import Answers, Kept

BASE = "https://localhost:8443"
MakeRig = Callable[[], Any]


async def counting(make_rig: MakeRig) -> Any:
    """A rig whose supervisor counts what it carries out."""
    rig = await make_rig()
    rig.home.create()
    supervisor, rig.done = await rig.memory.open_async("supervisor"), []

    def control(request: Request[ControlService]) -> Done:
        rig.done.append(request.message.service)
        if request.message.service == "nothing":
            raise RequestFailedError("unknown_service", "There is no service nothing.")
        return Done(message=f"take {len(rig.done)}")

    supervisor.serve(ControlService, control)
    return rig


async def send(rig: Any, path: str, key: str = "once", holder: str = "good", body: bytes = b"{}") -> Any:
    """One POST under a key."""
    headers = {"Origin": BASE, "Idempotency-Key": key, "X-CSRF-Token": "csrf-of-admin"}
    return await rig.call("POST", f"/api/v1/{path}", holder, headers=headers, data=body)


async def test_the_same_request_is_carried_out_once(make_rig: MakeRig) -> None:
    """The second answer is the first one, and says so."""
    rig = await counting(make_rig)

    first = await send(rig, "services/data/restart")
    second = await send(rig, "services/data/restart")

    assert rig.done == ["data"]
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json == second.json == {"message": "take 1"}
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"


async def test_a_refusal_is_repeated_too(make_rig: MakeRig) -> None:
    """What the service refused is not asked of it again."""
    rig = await counting(make_rig)

    answers = [await send(rig, "services/nothing/start") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert rig.done == ["nothing"]


@pytest.mark.parametrize(
    ("path", "body"), [("services/trade/restart", b"{}"), ("services/data/restart", b"{ }")]
)
async def test_another_request_under_the_same_key_is_refused(
    make_rig: MakeRig, path: str, body: bytes
) -> None:
    """422: a mistake of the caller, which must not look like success."""
    rig = await counting(make_rig)
    await send(rig, "services/data/restart")

    answer = await send(rig, path, body=body)

    assert (answer.status_code, answer.json["code"]) == (422, "key_reused")
    assert rig.done == ["data"]


async def test_keys_of_two_people_are_two_keys(make_rig: MakeRig) -> None:
    """Nobody reads the answers of others by guessing their keys."""
    rig = await counting(make_rig)
    await send(rig, "services/data/restart")
    rig.auth.sessions["good"] = rig.auth.sessions["poor"]

    answer = await rig.write("services/data/restart", **{"Idempotency-Key": "once"})

    assert answer.status_code in (403, 404)
    assert "take" not in answer.text


async def test_what_was_not_done_may_be_tried_again(make_rig: MakeRig) -> None:
    """A missing permission is no answer to keep."""
    rig = await counting(make_rig)
    held = rig.auth.sessions["good"].permissions
    held.remove("service.control")
    refused = await send(rig, "services/data/restart")
    held.append("service.control")
    rig.sessions.forget_user("admin")

    answer = await send(rig, "services/data/restart")

    assert (refused.status_code, answer.status_code) == (403, 202)


async def test_answers_survive_a_restart(make_rig: MakeRig) -> None:
    """The next life of the dashboard repeats them; what was under way when it ended is said to be unknown."""
    rig = await counting(make_rig)
    await send(rig, "services/data/restart")
    answers = rig.app.extensions[ANSWERS]
    answers.begin(answers.about("admin", "cut off", b"/api/v1/services/data/stop?\n{}"))
    answers.close()
    answers._life = "the next life"

    again = await send(rig, "services/data/restart")
    cut = await send(rig, "services/data/stop", key="cut off")

    assert again.json == {"message": "take 1"}
    assert (cut.status_code, cut.json["code"]) == (409, "outcome_unknown")
    assert rig.done == ["data"]


async def test_the_same_request_twice_at_once_is_carried_out_once(make_rig: MakeRig) -> None:
    """The second is told that the first is under way, or gets its answer."""
    rig = await counting(make_rig)

    both = await asyncio.gather(*(send(rig, "services/data/restart") for _ in range(2)))

    assert rig.done == ["data"]
    assert {answer.status_code for answer in both} <= {202, 409}


@pytest.mark.parametrize("key", ["", "x" * 256, "\u20ac"])
async def test_impossible_keys_are_refused(make_rig: MakeRig, key: str) -> None:
    """1 to 255 printable ASCII signs."""
    rig = await counting(make_rig)

    assert (await send(rig, "services/data/restart", key=key)).status_code == 400


def test_the_file_gives_nothing_away(make_rig: MakeRig, tmp_path: Path) -> None:
    """Neither key nor answer can be found in it, and only its owner may open it."""

    async def story() -> None:
        rig = await counting(make_rig)
        await send(rig, "services/data/restart", key="a-key-of-mine")
        rig.app.extensions[ANSWERS].close()

    asyncio.run(story())
    file = tmp_path / "state" / "dashboard" / "answers.sqlite"

    assert b"a-key-of-mine" not in file.read_bytes()
    assert b"take 1" not in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_nobody_pushes_the_answers_of_others_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each caller has so many of their own; the oldest of theirs go. A file of before is taken over."""
    monkeypatch.setattr("cryptobot.dashboard.idempotency.MAX_KEPT", 3)
    home = Home(tmp_path)
    home.create()
    folder = home.state / "dashboard"
    folder.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(folder / "answers.sqlite")) as before:
        before.execute(
            "CREATE TABLE answers (id TEXT PRIMARY KEY, asked TEXT NOT NULL, made_s INTEGER NOT NULL, "
            "life TEXT NOT NULL, sealed BLOB)"
        )
    answers = Answers(home)
    kept = Kept(200, "application/json", b"{}")
    for user, count in (("ann", 2), ("bea", 9)):
        for number in range(count):
            asked = answers.about(user, f"key {number}", b"x")
            assert answers.begin(asked) is None
            answers.finish(asked, kept)

    assert answers.begin(answers.about("ann", "key 0", b"x")) == kept
    assert answers.begin(answers.about("bea", "key 8", b"x")) == kept
    assert answers.begin(answers.about("bea", "key 0", b"x")) is None
    answers.close()


def test_a_damaged_file_is_begun_anew(make_rig: MakeRig, tmp_path: Path) -> None:
    """It holds nothing that would be missed."""
    home = Home(tmp_path)
    home.create()
    folder = home.state / "dashboard"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "answers.sqlite").write_bytes(b"no database" * 500)
    answers = Answers(home)

    assert answers.begin(answers.about("ann", "k", b"x")) is None
    answers.close()
