"""Notifications and analytics over the API: who sees what, and which files are handed out."""

import asyncio
from collections.abc import Callable
from typing import Any

from cryptobot.bus.api import Request
from cryptobot.bus.contracts.analytics import GetPerformance, ListReports, Performance, ReportFile, Reports
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.notify import (
    DELIVERIES,
    BeginLink,
    DeliveryChanged,
    EndLink,
    GetNotifyStatus,
    LinkCode,
    MuteNotices,
    NotifyStatus,
)
from cryptobot.configs.errors import RequestFailedError

BASE = "https://localhost:8443"
MakeRig = Callable[[], Any]


async def notify_rig(make_rig: MakeRig) -> Any:
    """A rig beside a notify service that keeps what it is asked."""
    rig = await make_rig()
    rig.auth.sessions["good"].permissions.extend(["notify.read", "notify.manage"])
    rig.auth.sessions["poor"].permissions.append("notify.read")
    rig.notify, rig.asked = await rig.memory.open_async("notify"), []

    def note(answer: Any) -> Callable[[Request[Any]], Any]:
        def handler(request: Request[Any]) -> Any:
            rig.asked.append(request.message)
            return answer

        return handler

    status = NotifyStatus(
        channels=[],
        rules=[],
        links=[],
        bot="",
        bot_problem="",
        quiet=False,
        quiet_hours="",
        muted_until_ms=0,
    )
    rig.notify.serve(GetNotifyStatus, note(status))
    rig.notify.serve(BeginLink, note(LinkCode(code="ABC", expires_ms=1, bot="b", address="")))
    rig.notify.serve(EndLink, note(Done()))
    rig.notify.serve(MuteNotices, note(Done(message="Notices wait.")))
    return rig


async def post(rig: Any, path: str, body: object, holder: str = "good") -> Any:
    """POST JSON as our own page does."""
    token = rig.auth.sessions[holder].csrf_token
    headers = {"Origin": BASE, "X-CSRF-Token": token}
    return await rig.call("POST", path, holder, json=body, headers=headers)


async def test_who_does_not_manage_sees_and_ends_only_own_chats(make_rig: MakeRig) -> None:
    """The viewer's questions carry the viewer's name, those of whoever manages none."""
    rig = await notify_rig(make_rig)

    await rig.call("GET", "/api/v1/notifications", "poor")
    await rig.call("GET", "/api/v1/notifications")
    await post(rig, "/api/v1/notifications/links/501/end", {}, "poor")

    assert [one.user for one in rig.asked] == ["viewer", "", "viewer"]


async def test_a_code_is_for_the_one_who_asks(make_rig: MakeRig) -> None:
    """Nobody can ask for a code in another's name."""
    rig = await notify_rig(make_rig)

    answer = await post(rig, "/api/v1/notifications/link", {"user": "admin"}, "poor")

    assert answer.json["code"] == "ABC"
    assert rig.asked[-1].user == "viewer"


async def test_log_test_and_mute_need_the_permission_to_manage(make_rig: MakeRig) -> None:
    """Deliveries hold what others were told: a viewer reads none, tests none and mutes nobody."""
    rig = await notify_rig(make_rig)

    refused = [await rig.call("GET", "/api/v1/notifications/log", "poor")]
    for path in ("test", "retry", "mute"):
        refused.append(await post(rig, f"/api/v1/notifications/{path}", {"for_s": 1}, "poor"))

    assert [one.status_code for one in refused] == [403] * 4
    assert (await post(rig, "/api/v1/notifications/mute", {"for_s": 60})).json["message"] == "Notices wait."
    assert (await post(rig, "/api/v1/notifications/mute", {"for_s": -1})).status_code == 400


async def test_a_delivery_is_told_to_the_pages(make_rig: MakeRig) -> None:
    """What the service says of a delivery goes to the channel that the page follows."""
    rig = await make_rig()
    told, heard = [], asyncio.Event()

    def keep(channel: str, _key: str, kind: str, data: Any) -> None:
        if kind == "notify":
            told.append((channel, data))
            heard.set()

    await rig.gateway.start()
    rig.gateway.on_change = keep
    notify = await rig.memory.open_async("notify")
    await rig.bus.settled()
    change = DeliveryChanged(id=1, channel="mail", state="sent")
    notify.publish(DELIVERIES, change)
    async with asyncio.timeout(45):
        await heard.wait()

    assert told == [("notify", change)]
    await rig.gateway.close()


async def test_only_reports_are_handed_out(make_rig: MakeRig) -> None:
    """A file that the service lists is sent with a policy of its own; whatever else lies there is not."""
    rig = await make_rig()
    folder = rig.home.root / "reports"
    folder.mkdir(parents=True)
    (folder / "performance-1.html").write_text("<h1>fine</h1>")
    (folder / "other.html").write_text("secret")
    analytics = await rig.memory.open_async("analytics")
    listed = Reports(
        files=[ReportFile(name="performance-1.html", bytes=1, made_ms=1)], plans=[], benchmarks=[]
    )
    analytics.serve(ListReports, lambda _request: listed)

    found = await rig.call("GET", "/api/v1/analytics/reports/performance-1.html")
    hidden = await rig.call("GET", "/api/v1/analytics/reports/other.html")
    outside = await rig.call("GET", "/api/v1/analytics/reports/..%2Fconfig.yaml")

    assert (found.status_code, found.text) == (200, "<h1>fine</h1>")
    assert "script-src" not in found.headers["Content-Security-Policy"]
    assert found.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert (hidden.status_code, outside.status_code) == (404, 404)


async def test_what_analytics_refuses_is_told(make_rig: MakeRig) -> None:
    """The service's sentence reaches the person."""
    rig = await make_rig()
    analytics = await rig.memory.open_async("analytics")

    def refuse(_request: Request[GetPerformance]) -> Performance:
        raise RequestFailedError("no_history", "Nothing is known of the account in this period yet.")

    analytics.serve(GetPerformance, refuse)
    answer = await rig.call("GET", "/api/v1/analytics?from_ms=1")

    assert answer.status_code >= 400
    assert "Nothing is known" in answer.text
    assert (await rig.call("GET", "/api/v1/analytics?from_ms=x")).status_code == 400
