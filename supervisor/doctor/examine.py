"""The examination: every check in turn, and what may be mended is."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from ...configs.paths import Home
from . import house, machine, running, stores
from .finding import FAULT, OK, Finding, Instruments, Patient

Look = Callable[[Patient], Finding]
Mend = Callable[[Patient], str]


class Check(NamedTuple):
    """One check. `mend` does what is safe to do without asking and says what it did, "" for nothing."""

    look: Look
    mend: Mend | None = None


# In the order in which faults explain each other.
CHECKS: tuple[Check, ...] = (
    Check(machine.python),
    Check(machine.libraries),
    Check(machine.clock),
    Check(machine.disk),
    Check(machine.inodes),
    Check(machine.memory),
    Check(machine.limits),
    Check(house.folder),
    Check(house.permissions, house.close_them),
    Check(house.settings),
    Check(house.in_force, house.write_in_force),
    Check(house.surroundings),
    Check(house.secrets),
    Check(house.add_ons),
    Check(house.certificates, house.renew),
    Check(running.lock),
    Check(running.orphans),
    Check(house.leftovers, house.clear_away),
    Check(running.ports),
    Check(stores.databases),
    Check(stores.journals, stores.cut),
    Check(running.platform),
)


def examine(home: Home, *, fix: bool = False, instruments: Instruments | None = None) -> Iterator[Finding]:
    """Every check's finding. With `fix` what was mended is looked at again, and `mended` says what was done.

    A check that breaks is a fault itself.
    """
    patient = Patient(home, instruments)
    for check in CHECKS:
        finding = _look(check, patient)
        if fix and finding.verdict != OK and check.mend is not None:
            finding = _mended(check, check.mend, patient, finding)
        yield finding


def _look(check: Check, patient: Patient) -> Finding:
    try:
        return check.look(patient)
    except Exception as error:
        what = f"The check {check.look.__name__} itself failed: {type(error).__name__}: {error}"
        return Finding(check.look.__name__, FAULT, what, "What it looks at is not known.", "Tell the makers.")


def _mended(check: Check, mend: Mend, patient: Patient, finding: Finding) -> Finding:
    try:
        done = mend(patient)
    except Exception as error:
        return replace(finding, mended=f"could not be mended: {error}")
    if not done:
        return finding
    patient.forget()
    return replace(_look(check, patient), mended=done)
