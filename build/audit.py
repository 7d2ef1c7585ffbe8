"""Known vulnerabilities of the installed dependencies: `make audit` runs it.

pip-audit asks PyPI, then OSV. Without a network neither can be asked: that is said, loudly, and the exit code
is 0 unless AUDIT=strict. A found vulnerability always ends with 1.
"""

import json
import os
import subprocess
import sys
from typing import Any

TIMEOUT_S = 300
# Vulnerabilities that do not concern us, by id, each with its reason.
ACCEPTED: dict[str, str] = {}


def ask(service: str) -> list[dict[str, Any]] | None:
    """What could be looked up, with its vulnerabilities; None when the database cannot be reached."""
    words = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "--format", "json",
             "--progress-spinner", "off", "--timeout", "15", "--vulnerability-service", service]  # fmt: skip
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode not in (0, 1) or not done.stdout.strip():
        print(f"audit: {service} cannot be asked: {_last(done.stderr)}", file=sys.stderr)
        return None
    try:
        found = list(json.loads(done.stdout)["dependencies"])
    except (ValueError, KeyError):
        print(f"audit: {service} gave no list: {_last(done.stderr)}", file=sys.stderr)
        return None
    looked_up = [one for one in found if "skip_reason" not in one]
    # A mirror that knows packages but no vulnerabilities answers "not found" to every question.
    if len(looked_up) * 2 < len(found):
        print(f"audit: {service} knows {len(looked_up)} of {len(found)} packages.", file=sys.stderr)
        return None
    return looked_up


def faults_of(found: list[dict[str, Any]]) -> list[str]:
    """One line for each vulnerability that is not accepted."""
    lines = []
    for one in found:
        for fault in one.get("vulns", ()):
            if fault["id"] not in ACCEPTED:
                mended = ", ".join(fault.get("fix_versions", ())) or "no version yet"
                lines.append(f"{one['name']} {one['version']}: {fault['id']}, mended in {mended}")
    return lines


def _last(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"


def main() -> int:
    """Look, tell, and return the exit code."""
    found = ask("pypi")
    if found is None:
        found = ask("osv")
    if found is None:
        print(
            "audit: NOT CHECKED. No database of vulnerabilities can be reached from here, so nothing is "
            "known about the dependencies. Run `make audit` where there is a network.",
            file=sys.stderr,
        )
        return 1 if os.environ.get("AUDIT") == "strict" else 0
    faults = faults_of(found)
    for line in faults:
        print(f"audit: {line}", file=sys.stderr)
    print(f"audit: {len(found)} packages, {len(faults)} known vulnerabilities.", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
