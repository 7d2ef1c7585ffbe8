"""`cryptobot doctor` on behalf of a page: run as a process of its own, for this one may be what is ill."""

import asyncio
import contextlib

import msgspec

from ...bus.contracts.monitor import DoctorReport
from ...configs.errors import RequestFailedError
from ...configs.frozen import program
from ...configs.paths import Home

_LIMIT_S = 60.0


async def examine(home: Home) -> DoctorReport:
    """What the doctor finds in this home.

    Raises:
        RequestFailedError: it did not answer in time, or not in a way that can be read.
    """
    process = await asyncio.create_subprocess_exec(
        *program(),
        "--home",
        str(home.root),
        "doctor",
        "--json",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _LIMIT_S)
    except TimeoutError:
        raise RequestFailedError("doctor_slow", f"The doctor took more than {_LIMIT_S:g} s.") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    try:
        return msgspec.json.decode(output, type=DoctorReport)
    except msgspec.MsgspecError as error:
        raise RequestFailedError("doctor_failed", f"The doctor's answer cannot be read: {error}.") from None
