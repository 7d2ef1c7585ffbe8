"""At the start of a supervisor: an update that was interrupted is finished by a process of its own."""

import os
import subprocess
from pathlib import Path

from ...configs.errors import CryptoBotError
from ...configs.paths import Home
from ...configs.programfolder import FOLDER_VARIABLE, ProgramFolder
from ..context import Context
from . import journal
from .running import MARKS


def look(supervisor: Context) -> None:
    """Let the version before watch an update that is under way in this home; nothing else is done here."""
    folder = ProgramFolder.find()
    if folder is None or not folder.journal.exists():
        return
    try:
        update = journal.read(folder)
        if update is not None and Path(update.home) == supervisor.home.root:
            pid = watch(folder, supervisor.home, update.previous)
            supervisor.journal.write(
                "warning", "an update is under way; it is watched", to=update.to, pid=pid
            )
    except (CryptoBotError, OSError) as error:
        supervisor.journal.write("error", "an update is under way and cannot be watched", reason=str(error))


def watch(folder: ProgramFolder, home: Home, version: str) -> int:
    """Start `cryptobot update watch` of a version, apart from the platform; its pid."""
    return detached(
        [str(folder.program_of(version)), "--home", str(home.root), "update", "watch"], home, folder
    )


def detached(words: list[str], home: Home, folder: ProgramFolder) -> int:
    """A process that outlives us and bears no mark of a service; what it says goes into logs/update.out."""
    environment = {key: value for key, value in os.environ.items() if key not in MARKS}
    environment[FOLDER_VARIABLE] = str(folder.root)
    home.logs.mkdir(parents=True, exist_ok=True)
    with (home.logs / "update.out").open("ab") as output:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd=folder.root,
            start_new_session=True, creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )  # fmt: skip
    process.returncode = 0  # it outlives us on purpose
    return process.pid
