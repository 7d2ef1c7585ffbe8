"""Where the children's output goes, and reading it back."""

import contextlib
import os
import socket
from pathlib import Path

from ...configs.paths import Home
from ...configs.schema import LogSettings
from ..loop import Loop
from ..platform.base import Platform
from .outputs import Outputs


def outputs_for(home: Home, settings: LogSettings, loop: Loop, platform: Platform) -> Outputs:
    """What this system can do best."""
    if hasattr(os, "fork") and hasattr(socket, "SCM_RIGHTS"):
        from .pipes import KeptOutputs  # needs modules that Windows has not

        return KeptOutputs(home, settings, loop, platform)
    return Outputs(home, settings)


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, readable whatever bytes it holds."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        size, block = file.tell(), b""
        while size > 0 and block.count(b"\n") <= lines:
            step = min(65_536, size)
            size -= step
            file.seek(size)
            block = file.read(step) + block
        return block.decode("utf-8", "replace").splitlines()[-lines:]
    return []
