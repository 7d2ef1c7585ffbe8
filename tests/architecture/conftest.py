"""What the architecture tests look at: the checkout they stand in."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PORTIONS = ("bus", "configs", "dashboard", "services", "supervisor")


@pytest.fixture(scope="session")
def tracked() -> list[str]:
    """Files of the portions that git knows, as paths below the checkout."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", *PORTIONS], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return sorted(name for name in listed.stdout.split("\0") if name and (ROOT / name).exists())
