"""Finding by their marks the processes that an earlier supervisor started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptobot.supervisor.platform.base import HELPER_VARIABLE

if sys.platform == "win32":
    pytest.skip("sessions are POSIX's", allow_module_level=True)

from cryptobot.supervisor.platform.choose import here
from cryptobot.supervisor.platform.posix import PosixPlatform


def test_a_hook_is_not_taken_for_the_service_it_runs_for(tmp_path: Path) -> None:
    """Both bear the service's name; only the main process may be adopted, on every POSIX system."""
    home = str(tmp_path)
    mark = {**os.environ, "CRYPTOBOT_HOME": home, "CRYPTOBOT_SERVICE": "data"}
    command = ["/bin/sleep", "1000"]
    with (
        subprocess.Popen(command, env=mark, start_new_session=True) as main,
        subprocess.Popen(command, env={**mark, HELPER_VARIABLE: "1"}, start_new_session=True) as hook,
    ):
        try:
            for platform in (here(), PosixPlatform()):
                assert list(platform.marked(home)) == [(main.pid, "data")]
        finally:
            main.kill()
            hook.kill()
