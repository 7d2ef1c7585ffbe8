"""The update service: asks once a day when it may, and lets short-lived processes do what is asked for.

It imports neither the network nor python-tuf: `cryptobot update …` runs beside it, with --json, and an update
goes on in a process of its own while this service is restarted with all others.
"""

import asyncio
import contextlib
import os
import time
from typing import ClassVar

import msgspec

from ...bus import topics
from ...bus.api import Request
from ...bus.contracts import update as messages
from ...bus.contracts.base import Done
from ...bus.contracts.service import Alert, Audit
from ...configs.errors import CryptoBotError, RequestFailedError
from ...configs.frozen import program
from ...configs.paths import Home
from ...configs.programfolder import ProgramFolder, Progress, order_of
from ...configs.schema import Settings
from ..host.service import Service
from ..host.service import run as run_service
from .report import progress_of, report

CHECK_EVERY_S = 86_400.0
_CHECK_AFTER_S = 60.0
_LOOK_EVERY_S = 1.0
_STATUS_LIMIT_S = 30.0
_CHECK_LIMIT_S = 180.0
# What makes a process look like a service of ours: an update outlives this one.
_MARKS = frozenset({"CRYPTOBOT_SERVICE", "NOTIFY_SOCKET", "CRYPTOBOT_NOTIFY", "CRYPTOBOT_SECRETS_FD"})


class UpdateService(Service):
    """Answers the requests of bus/contracts/update.py; publishes UpdateProgress."""

    name: ClassVar[str] = "update"

    async def setup(self) -> None:
        self._folder = ProgramFolder.find()
        self._progress = Progress()
        self._managed: str | None = None
        self._download: asyncio.Task[None] | None = None
        self._may_check = asyncio.Event()
        self.settings_changed(self.settings)
        self.bus.serve(messages.GetUpdate, self._get)
        self.bus.serve(messages.CheckUpdate, self._check)
        self.bus.serve(messages.DownloadUpdate, self._fetch)
        self.bus.serve(messages.ApplyUpdate, self._apply)
        self.bus.serve(messages.RollBackUpdate, self._roll_back)
        if self._folder is not None:
            self.spawn(self._follow(self._folder), "progress")
            self.spawn(self._check_daily(self._folder), "daily check")

    async def stop(self) -> None:
        """A download is broken off and gone on with another time."""
        task = getattr(self, "_download", None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def settings_changed(self, before: Settings) -> None:
        if self.settings.update.check:
            self._may_check.set()
        else:
            self._may_check.clear()

    async def _get(self, request: Request[messages.GetUpdate]) -> messages.UpdateReport:
        """Who brought this program is found out once, by the command; the rest is read from small files."""
        if self._managed is None:
            self._managed = (await self._ask("status", limit_s=_STATUS_LIMIT_S)).managed
        return report(self._folder, self.settings.update, self._managed)

    async def _check(self, request: Request[messages.CheckUpdate]) -> messages.UpdateReport:
        found = await self._ask("check", limit_s=_CHECK_LIMIT_S)
        self._audit(request.message.actor, "check for updates", found.newest)
        return found

    async def _fetch(self, request: Request[messages.DownloadUpdate]) -> Done:
        if self._download is not None and not self._download.done():
            return Done(message="The download is under way.")
        self._refuse_busy()
        self._audit(request.message.actor, "download update", "")
        self._download = asyncio.get_running_loop().create_task(self._run_download(), name="update:download")
        return Done(message="The download has begun.")

    async def _run_download(self) -> None:
        """What fails is told by the process itself, in progress.json; here it is only logged."""
        try:
            await self._ask("download", limit_s=None)
        except RequestFailedError as error:
            self.log.warning("download failed", reason=str(error))
        self._tell(anew=True)

    async def _apply(self, request: Request[messages.ApplyUpdate]) -> Done:
        self._refuse_busy()
        wish = request.message
        words = ["--yes", "--detach", "--version", wish.version, "--actor", wish.actor]
        self._audit(wish.actor, "apply update", wish.version)
        await self._ask("apply", *words, *(["--anyway"] if wish.anyway else []), limit_s=_CHECK_LIMIT_S)
        return Done(message=f"Version {wish.version} is being tried.")

    async def _roll_back(self, request: Request[messages.RollBackUpdate]) -> Done:
        self._refuse_busy()
        wish = request.message
        self._audit(wish.actor, "roll back update", wish.version)
        await self._ask("rollback", "--yes", "--detach", "--actor", wish.actor, limit_s=_CHECK_LIMIT_S)
        return Done(message=f"Version {wish.version} is being brought back.")

    def _refuse_busy(self) -> None:
        if self._folder is not None and self._folder.read_progress().state != "idle":
            raise RequestFailedError("busy", "An update is under way already.")

    async def _ask(self, action: str, *words: str, limit_s: float | None) -> messages.UpdateReport:
        """Run `cryptobot update ACTION --json`.

        Raises:
            RequestFailedError: with its last words.
        """
        code, output, error = await run(
            [*program(), "--home", str(self.home.root), "update", action, *words, "--json"], limit_s
        )
        if code != 0:
            last = error.strip().splitlines()[-1:] or [f"`cryptobot update {action}` ended with code {code}."]
            raise RequestFailedError("update_failed", last[0])
        try:
            return msgspec.json.decode(output, type=messages.UpdateReport)
        except msgspec.MsgspecError as broken:
            raise RequestFailedError(
                "update_failed", f"`update {action}` answered oddly: {broken}."
            ) from broken

    async def _follow(self, folder: ProgramFolder) -> None:
        """Tell everybody how far an update is, whoever began it; one small file is read."""
        while True:
            self._tell()
            await asyncio.sleep(_LOOK_EVERY_S)

    def _tell(self, *, anew: bool = False) -> None:
        """Publish how far it is, when that changed; `anew` in any case, for what ended between two looks."""
        if self._folder is None:
            return
        found = self._folder.read_progress()
        if found == self._progress and not anew:
            return
        self._progress = found
        self.bus.publish(messages.PROGRESS, progress_of(found))

    async def _check_daily(self, folder: ProgramFolder) -> None:
        """Once a day, and only while a person has allowed it."""
        await asyncio.sleep(_CHECK_AFTER_S)
        while True:
            await self._may_check.wait()
            checked = folder.read_checked()
            age_s = time.time() - checked.checked_ms / 1000 if checked else CHECK_EVERY_S
            if 0 <= age_s < CHECK_EVERY_S:
                await asyncio.sleep(min(CHECK_EVERY_S - age_s, 3600.0))
                continue
            await self._look(folder)
            await asyncio.sleep(3600.0)

    async def _look(self, folder: ProgramFolder) -> None:
        try:
            found = await self._ask("check", limit_s=_CHECK_LIMIT_S)
        except RequestFailedError as error:
            self.log.warning("updates were not looked for", reason=str(error))
            return
        with contextlib.suppress(CryptoBotError):
            if found.newest and order_of(found.newest) > order_of(folder.current()):
                self._offer(found.newest)

    def _offer(self, version: str) -> None:
        alert = Alert(
            key="update.available",
            severity="info",
            source=self.name,
            title=f"Version {version} is there",
            detail="See Updates in the dashboard, or `cryptobot update apply`.",
        )
        self.bus.publish(topics.alert("info"), alert)

    def _audit(self, actor: str, action: str, subject: str) -> None:
        entry = Audit(kind="system", actor=actor, action=action, subject=subject, detail="", ok=True)
        self.bus.publish(topics.audit("system"), entry)


async def run(words: list[str], limit_s: float | None) -> tuple[int, bytes, str]:
    """A short-lived process: its exit code, stdout and stderr; killed when this is cancelled or time is up.

    Raises:
        RequestFailedError: it took too long.
    """
    environment = {key: value for key, value in os.environ.items() if key not in _MARKS}
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        output, error = await asyncio.wait_for(process.communicate(), limit_s)
    except TimeoutError:
        raise RequestFailedError("update_slow", f"It took more than {limit_s:g} s and was ended.") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode or 0, output, error.decode("utf-8", "replace")


def main(home: Home) -> int:
    """Run the update service."""
    return run_service(UpdateService, home)
