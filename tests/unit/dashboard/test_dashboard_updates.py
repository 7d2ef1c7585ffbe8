"""Updates over the dashboard's API: who may, and that a person has to prove who they are."""

from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.update import (
    ApplyUpdate,
    CheckUpdate,
    DownloadUpdate,
    GetUpdate,
    RollBackUpdate,
    UpdateProgress,
    UpdateReport,
)

BASE = "https://localhost:8443"
IDLE = UpdateProgress(state="idle", version="", step="", done_bytes=0, all_bytes=0, reason="")
REPORT = UpdateReport(
    version="0.1.0", managed="", newest="0.2.0", notes="", newest_bytes=5, checked_ms=1, ready="0.2.0",
    previous="", address="https://updates.example/", checks=False, progress=IDLE,
)  # fmt: skip


async def served(rig):
    """An update service that answers, and what it was asked."""
    asked = []
    bus = await rig.memory.open_async("update")
    for schema in (GetUpdate, CheckUpdate):
        bus.serve(schema, lambda request: asked.append(request.message) or REPORT)
    for schema in (DownloadUpdate, ApplyUpdate, RollBackUpdate):
        bus.serve(schema, lambda request: asked.append(request.message) or Done(message="It has begun."))
    return asked


async def send(rig, action, body, holder="good"):
    """POST as the page does."""
    csrf = rig.auth.sessions[holder].csrf_token
    headers = {"Origin": BASE, "X-CSRF-Token": csrf}
    return await rig.call("POST", f"/api/v1/update/{action}", holder, headers=headers, json=body)


async def test_a_person_with_the_permission_updates(make_rig):
    """Every step is asked of the service in the name of the person."""
    rig = await make_rig()
    asked = await served(rig)
    rig.auth.sessions["good"].permissions.append("update.manage")
    shown = await rig.call("GET", "/api/v1/update")
    assert shown.json["newest"] == "0.2.0"
    for action, body in (
        ("check", {}),
        ("download", {}),
        ("apply", {"version": "0.2.0", "anyway": True}),
        ("rollback", {"version": "0.0.9"}),
    ):
        answer = await send(rig, action, body)
        assert answer.status_code == 200, answer.json
    assert asked == [
        GetUpdate(),
        CheckUpdate(actor="admin"),
        DownloadUpdate(actor="admin"),
        ApplyUpdate(version="0.2.0", anyway=True, actor="admin"),
        RollBackUpdate(version="0.0.9", actor="admin"),
    ]


async def test_nobody_updates_without_the_permission(make_rig):
    """Who may look may not switch."""
    rig = await make_rig()
    asked = await served(rig)
    for action in ("check", "download", "apply", "rollback"):
        answer = await send(rig, action, {"version": "0.2.0"})
        assert (answer.status_code, answer.json["code"]) == (403, "permission_denied")
    assert asked == []


async def test_a_switch_needs_a_proof_of_a_short_time_ago(make_rig):
    """Applying and going back are dangerous in wrong hands."""
    import msgspec

    rig = await make_rig()
    asked = await served(rig)
    session = rig.auth.sessions["good"]
    session.permissions.append("update.manage")
    rig.auth.sessions["good"] = msgspec.structs.replace(session, stepped_up_until_ms=0)
    for action in ("apply", "rollback"):
        answer = await send(rig, action, {"version": "0.2.0"})
        assert (answer.status_code, answer.json["code"]) == (403, "step_up_needed")
    assert asked == []
