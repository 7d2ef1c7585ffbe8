"""What a wheel and an environment say of themselves: requirements, names, licences."""

import re
import shutil
import zipfile
from collections.abc import Iterable
from email.parser import HeaderParser
from pathlib import Path

import parts

APART = "ccxt"


def copy_licences(info: Path, target: Path) -> None:
    """The licence texts of a distribution, wherever its metadata hold them."""
    for path in sorted(info.rglob("*")):
        if path.is_file() and re.match(r"(?i)(licen[cs]e|copying|notice|authors)", path.name):
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / path.name)


def requirements(wheel: Path, extra: str = "") -> list[str]:
    """What a wheel requires, on this system, without an extra's name or by one."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        lines = HeaderParser().parsestr(archive.read(name).decode()).get_all("Requires-Dist") or []
    found = []
    for line in lines:
        need, _, marker = (part.strip() for part in line.partition(";"))
        named = re.search(r"extra\s*==\s*[\"']([^\"']+)", marker)
        if (named[1] if named else "") == extra:
            left = re.sub(r"\s*(and\s+)?\(?\s*extra\s*==\s*[\"'][^\"']+[\"']\s*\)?", "", marker).strip()
            found.append(f"{need}; {left}" if left else need)
    return found


def needs(wheel: Path, *which: str) -> list[str]:
    """The requirements of a part: of ccxt itself, or of extras."""
    if which == (APART,):
        return [need for need in requirements(wheel) if name_of(need) == APART]
    return [need for extra in which for need in requirements(wheel, extra)]


def name_of(requirement: str) -> str:
    """The normalized name in `ccxt>=4; marker`."""
    return parts.normalized(re.split(r"[^A-Za-z0-9_.-]", requirement.strip(), maxsplit=1)[0])


def names(listed: list[str]) -> set[str]:
    """The normalized names in lines `NAME VERSION [PART]`."""
    return {parts.normalized(line.split()[0]) for line in listed}


def write_list(folder: Path, lines: Iterable[str]) -> None:
    """distributions.txt, for parts.py and for lists of ingredients."""
    (folder / parts.LIST).write_text("\n".join(sorted(lines)) + "\n", encoding="utf-8")
