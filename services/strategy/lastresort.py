"""Ending a process whose author's code hangs where no signal reaches it, and knowing whose code it was.

A timer of the interpreter's own (faulthandler, a thread that needs no GIL) ends the process when its loop
was not free for too long, and writes down where it hung. Beside it lies the name of the run whose code was
being called: the next life of the process starts all runs but that one.
"""

import faulthandler
import mmap
from pathlib import Path
from typing import IO

_SIZE = 256


class CallMark:
    """The run whose code is being called now, in a file that outlives the process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.stat().st_size != _SIZE:
            path.write_bytes(bytes(_SIZE))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)

    def enter(self, run: str) -> None:
        name = run.encode()[: _SIZE - 1]
        self._map[: len(name) + 1] = name + b"\0"

    def leave(self) -> None:
        self._map[0] = 0

    def name(self) -> str:
        """The run that was being called when this was last written; "" for none."""
        return self._map[:].partition(b"\0")[0].decode(errors="replace")


class LastResort:
    """Ends this process when `arm` is not called again within `limit_s`.

    Args:
        folder: where the mark and the dump lie.
        process: name of the process.
    """

    def __init__(self, folder: Path, process: str, limit_s: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.limit_s = limit_s
        self.mark = CallMark(folder / f"{process}.calling")
        self._path = folder / f"{process}.hang"
        self._dump: IO[str] | None = None

    def victim(self) -> tuple[str, str] | None:
        """The run that made the life before end, and where it hung; None when it did not. Told once."""
        try:
            dump = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            dump = ""
        run = self.mark.name()
        self.mark.leave()
        self._path.unlink(missing_ok=True)
        return (run, _place(dump)) if run and dump else None

    def arm(self) -> None:
        """Begin to count anew."""
        if self._dump is None:
            self._dump = self._path.open("w", encoding="utf-8")
        faulthandler.dump_traceback_later(self.limit_s, exit=True, file=self._dump)

    def close(self) -> None:
        """Count no more."""
        faulthandler.cancel_dump_traceback_later()
        if self._dump is not None:
            self._dump.close()
            self._dump = None
            self._path.unlink(missing_ok=True)


def _place(dump: str) -> str:
    """Where the main thread stood: `File "…", line 8 in on_candle`."""
    lines = [line.strip() for line in dump.splitlines() if line.strip().startswith("File ")]
    own = [line for line in lines if "/strategies/" in line.replace("\\", "/")]
    return (own or lines or ["an unknown place"])[0]
