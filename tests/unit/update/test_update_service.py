"""The update service on the bus in memory, with a small program in the place of `cryptobot update`."""

import asyncio
import json
import os
import sys

import pytest
import structlog
from cryptobot.bus import topics
from cryptobot.bus.contracts import update as messages
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import Alert, Audit
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.paths import Home
from cryptobot.configs.programfolder import FOLDER_VARIABLE, Checked, ProgramFolder, Progress, Ready
from cryptobot.configs.schema import Settings
from cryptobot.configs.sections.update import UpdateSettings
from cryptobot.services.update import service
from cryptobot.services.update.report import report

# Answers as the command does, and writes down how it was called and with which marks of a service.
PROGRAM = """
import json, os, sys
words = sys.argv[3:]
with open({calls!r}, "a") as file:
    print(json.dumps([words, "CRYPTOBOT_SERVICE" in os.environ]), file=file)
if os.path.exists({fault!r}):
    print("first line", file=sys.stderr)
    sys.exit(open({fault!r}).read())
print(open({answer!r}).read())
"""


class Town:
    """A program folder, its service, and somebody who listens."""

    def __init__(self, folder, monkeypatch):
        self.top = folder
        self.home = Home(folder / "home")
        self.home.create()
        root = folder / "program"
        for name in ("versions/0.1.0", "versions/0.2.0", "trust", "downloads"):
            (root / name).mkdir(parents=True)
        for version in ("0.1.0", "0.2.0"):
            (root / "versions" / version / "cryptobot").touch()
        (root / "current").write_text("0.1.0\n")
        self.folder = ProgramFolder(root)
        monkeypatch.setenv(FOLDER_VARIABLE, str(root))
        monkeypatch.setenv("CRYPTOBOT_SERVICE", "update")
        monkeypatch.setattr(service, "_LOOK_EVERY_S", 0.05)
        monkeypatch.setattr(service, "_CHECK_AFTER_S", 0.0)
        names = {name: str(folder / name) for name in ("calls", "fault", "answer")}
        (folder / "program.py").write_text(PROGRAM.format(**names))
        monkeypatch.setattr(service, "program", lambda: [sys.executable, str(folder / "program.py")])
        self.answer(report(self.folder, UpdateSettings(), ""))
        self.heard = asyncio.Queue()

    def answer(self, found):
        import msgspec

        (self.top / "answer").write_bytes(msgspec.json.encode(found))

    def calls(self):
        path = self.top / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    async def open(self, **settings):
        self.hub = MemoryHub()
        self.viewer = await self.hub.open_async("viewer")
        for prefix, schema in ((messages.PROGRESS, messages.UpdateProgress), (topics.ALERTS, Alert)):
            self.viewer.subscribe(prefix, schema, lambda one: self.heard.put_nowait(one.message))
        self.viewer.subscribe(topics.AUDIT, Audit, lambda one: self.heard.put_nowait(one.message))
        await self.viewer.settled()
        self.bus = await self.hub.open_async("update")
        given = Settings(update=UpdateSettings(**settings))
        self.service = service.UpdateService(self.home, given, self.bus, structlog.get_logger())
        await self.service.setup()
        return self

    async def ask(self, message, reply):
        return await self.viewer.request("update", message, reply, timeout_s=45.0)

    async def close(self):
        for task in tuple(self.service._tasks):
            task.cancel()
        await asyncio.gather(*self.service._tasks, return_exceptions=True)
        await self.service.stop()


@pytest.fixture
def town(tmp_path, monkeypatch):
    """See Town."""
    return Town(tmp_path, monkeypatch)


async def test_what_is_known_is_read_from_the_folder(town):
    """Only who brought the program is asked of the command, once; and nobody outside is asked at all."""
    await town.open()
    for _ in range(3):
        found = await town.ask(messages.GetUpdate(), messages.UpdateReport)
    assert (found.version, found.newest, found.ready, found.checks) == ("0.1.0", "", "", False)
    assert town.calls() == [[["update", "status", "--json"], False]]
    ready = Ready(version="0.2.0", file="a.tar.gz", length=3, sha256="")
    (town.folder.downloads / "a.tar.gz").write_bytes(b"abc")
    town.folder.write_ready(ready)
    assert (await town.ask(messages.GetUpdate(), messages.UpdateReport)).ready == "0.2.0"
    await town.close()


async def test_nobody_is_asked_without_leave(town):
    """With update.check off there is no daily look; switched on, it is made at once, and news is an alert."""
    import msgspec

    await town.open()
    assert not (await town.ask(messages.GetUpdate(), messages.UpdateReport)).checks

    known = report(town.folder, UpdateSettings(), "")
    town.answer(msgspec.structs.replace(known, newest="0.2.0"))
    before = town.service.settings
    town.service.settings = Settings(update=UpdateSettings(check=True))
    town.service.settings_changed(before)
    alert = await town.heard.get()
    assert (alert.key, alert.title) == ("update.available", "Version 0.2.0 is there")
    assert [words[1] for words, _ in town.calls()] == ["status", "check"]
    await town.close()


async def test_a_look_of_today_is_not_repeated(town):
    """A restart of the service is no reason to ask again."""
    import time

    now = time.time_ns() // 1_000_000
    town.folder.write_checked(Checked(version="0.1.0", target="t", length=1, notes="", checked_ms=now))
    await town.open(check=True)
    assert (await town.ask(messages.GetUpdate(), messages.UpdateReport)).checks
    assert [words[1] for words, _ in town.calls()] == ["status"]
    await town.close()


async def test_an_update_is_applied_by_a_process_of_its_own(town):
    """With the version that the person saw and their name, without a service's mark; and it is audited."""
    await town.open()
    done = await town.ask(messages.ApplyUpdate(version="0.2.0", actor="ann", anyway=True), Done)
    assert done.message == "Version 0.2.0 is being tried."
    words = [
        "update",
        "apply",
        "--yes",
        "--detach",
        "--version",
        "0.2.0",
        "--actor",
        "ann",
        "--anyway",
        "--json",
    ]
    assert town.calls() == [[words, False]]
    audit = await town.heard.get()
    assert (audit.actor, audit.action, audit.subject) == ("ann", "apply update", "0.2.0")
    await town.ask(messages.RollBackUpdate(version="0.1.0", actor="ann"), Done)
    assert town.calls()[-1][0] == ["update", "rollback", "--yes", "--detach", "--actor", "ann", "--json"]
    await town.close()


async def test_the_last_words_of_the_command_are_the_refusal(town):
    """What the command says on stderr is what the person reads."""
    await town.open()
    (town.top / "fault").write_text("The update address cannot be reached: nobody answers.")
    with pytest.raises(RequestFailedError, match="cannot be reached: nobody answers"):
        await town.ask(messages.CheckUpdate(actor="ann"), messages.UpdateReport)
    await town.close()


async def test_progress_is_told_while_another_process_works(town):
    """Whoever began it, everybody hears how far it is; meanwhile nothing else is begun."""
    await town.open()
    town.folder.write_progress(
        Progress(state="trial", version="0.2.0", step="Restarting bus", pid=os.getpid())
    )
    told = await town.heard.get()
    assert (told.state, told.version, told.step) == ("trial", "0.2.0", "Restarting bus")
    with pytest.raises(RequestFailedError, match="under way already"):
        await town.ask(messages.DownloadUpdate(actor="ann"), Done)
    town.folder.write_progress(Progress(reason="it failed"))
    told = await town.heard.get()
    assert (told.state, told.reason) == ("idle", "it failed")
    await town.close()


async def test_a_download_goes_on_after_its_answer(town):
    """The request is answered when it has begun; a second one does not begin another."""
    await town.open()
    wishes = [messages.DownloadUpdate(actor=name) for name in ("ann", "bob")]
    first, second = await asyncio.gather(*(town.ask(wish, Done) for wish in wishes))
    assert {first.message, second.message} == {"The download has begun.", "The download is under way."}
    await town.service._download
    assert [call for call, _ in town.calls()] == [["update", "download", "--json"]]
    await town.close()
