"""The chain of trading actions: what was done, by whom, each sealed together with the one before.

A row is written in the transaction of what it tells of, so there is no action without its row. The seals
are HMACs with the machine's key; the newest is noted in a file beside the key now and then, so that cutting
off the end is noticed, too.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ...bus.contracts.service import Audit
from ...configs.files import replace
from ...configs.machinekey import machine_key
from ...configs.paths import Home

HEAD = "trade-audit-head"
_FIELDS = ("number", "ts_ms", "actor", "action", "subject", "detail", "ok")
_LONGEST = {"actor": 120, "action": 80, "subject": 255, "detail": 4000}


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a check of the chain found. `wrong_number` is the first entry that is not as it was written."""

    ok: bool
    entries: int
    wrong_number: int = 0
    reason: str = ""


class Chain:
    """Seals rows and checks seals.

    Args:
        number, seal: of the newest row; 0 and "" before the first.
        head: name of the file beside the key.
    """

    def __init__(self, home: Home, number: int = 0, seal: str = "", *, head: str = HEAD) -> None:
        self._key = hmac.new(machine_key(home), b"trading actions", hashlib.sha256).digest()
        self._head: Path = home.keys / head
        self.number, self.seal = number, seal
        self._noted = number

    def rows(self, audits: Iterable[Audit], ts_ms: int) -> list[dict[str, Any]]:
        """The next rows; they count once `accept` was called with them."""
        made, number, seal = [], self.number, self.seal
        for audit in audits:
            number += 1
            row: dict[str, Any] = {"number": number, "ts_ms": ts_ms, "ok": audit.ok}
            row |= {name: getattr(audit, name)[:most] for name, most in _LONGEST.items()}
            seal = row["seal"] = self._seal_of(row, seal)
            made.append(row)
        return made

    def accept(self, rows: list[dict[str, Any]]) -> None:
        """These rows were written."""
        if rows:
            self.number, self.seal = rows[-1]["number"], rows[-1]["seal"]

    def is_cut_off(self, seal_of: Callable[[int], str]) -> bool:
        """Whether the noted entry is not there any more; to be asked before anything is written.

        Args:
            seal_of: gives the seal of an entry, "" when there is none.
        """
        number, seal, trouble = self._read_head()
        return bool(trouble) or (number > 0 and not hmac.compare_digest(seal_of(number), seal))

    def note(self, number: int, seal: str) -> None:
        """Write the newest committed row into the file beside the key."""
        if number != self._noted:
            replace(self._head, f"{number} {seal}{os.linesep}".encode())
            self._noted = number

    def verify(self, rows: Iterable[Any]) -> ChainReport:
        """Check all rows, oldest first, and the note of the newest."""
        before, count, seals = "", 0, {}
        noted_number, noted_seal, trouble = self._read_head()
        for row in rows:
            count += 1
            if row.number != count:
                return ChainReport(False, count, count, "the entry is missing")
            values = {name: getattr(row, name) for name in _FIELDS}
            if not hmac.compare_digest(row.seal, self._seal_of(values, before)):
                return ChainReport(False, count, count, "its seal is wrong")
            before = row.seal
            if count == noted_number:
                seals[count] = row.seal
        if trouble:
            return ChainReport(False, count, 0, trouble)
        if noted_number and not hmac.compare_digest(seals.get(noted_number, ""), noted_seal):
            return ChainReport(False, count, noted_number, "the end was cut off")
        return ChainReport(True, count)

    def _read_head(self) -> tuple[int, str, str]:
        """(number, seal, what is wrong with the note); number 0 while nothing was noted yet."""
        try:
            number, seal = self._head.read_text(encoding="ascii").split()
            return int(number), seal, ""
        except FileNotFoundError:
            return 0, "", ""
        except ValueError:
            return 0, "", "the note of the newest entry is damaged"

    def _seal_of(self, row: dict[str, Any], before: str) -> str:
        values = [row[name] for name in _FIELDS[:-1]]
        body = msgspec.json.encode([before, *values, bool(row["ok"])])
        return hmac.new(self._key, body, hashlib.sha256).hexdigest()
