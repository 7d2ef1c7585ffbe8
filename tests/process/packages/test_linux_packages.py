""".deb, .rpm and AppImage: installed, upgraded, removed and purged in a Debian of their own."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = [pytest.mark.release, pytest.mark.timeout(1800)]
Scripts = dict[str, ModuleType]
Inside = Callable[..., str]
# Everything but what belongs to the package managers, to logs, and to backups of /etc/passwd and the like.
FILES = (
    "find / -xdev -path /proc -prune -o -path /packages -prune -o -path /var/lib/dpkg -prune"
    " -o -path /var/lib/rpm -prune -o -path /var/log -prune -o -path /var/cache -prune"
    " -o -path /root/.rpmdb -prune -o -path /run -prune"
    " -o ! -type d ! -name '*-' ! -name '*.cache' ! -name mimeinfo.cache"
    " ! -path '/usr/share/mime/*' -print | sort"
)
DEMO = "demo --for 60s --no-browser --json --set paper.start=1010 --set dashboard.port=0"
ENABLED = "/etc/systemd/system/multi-user.target.wants/cryptobot.service"


@pytest.fixture
def two_releases(
    scripts: Scripts, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], tuple[Path, Path]]:
    """Two packages of a kind, the second one newer."""

    def build(kind: str) -> tuple[Path, Path]:
        made = []
        for version in ("0.1.0", "0.2.0"):
            monkeypatch.setattr(scripts["facts"], "VERSION", version)
            out = tmp_path / version
            out.mkdir()
            made.append(scripts["linux"].build(folder, out, kind))
        return made[0], made[1]

    return build


def test_a_deb_comes_grows_and_goes(inside: Inside, two_releases: Callable, folder: Path) -> None:
    """Installed, enabled, upgraded, removed, purged: data stays until the purge, and then nothing is left."""
    old, new = two_releases("deb")
    before = inside(FILES).splitlines()
    install = "dpkg -i /packages/{} >/dev/null; cat /usr/lib/cryptobot/installed-by; cryptobot --version"

    first = inside(install.format(old.name), old)
    assert first.split()[:2] == ["deb", "cryptobot"]
    assert inside("stat -c '%U %G %a' /var/lib/cryptobot; getent passwd cryptobot").split()[:3] == [
        "cryptobot", "cryptobot", "700",
    ]  # fmt: skip
    assert "disabled" in inside("systemctl is-enabled cryptobot.service || true")
    inside("desktop-file-validate /usr/share/applications/*.desktop; systemd-analyze verify --man=no "
           "--recursive-errors=no /usr/lib/systemd/system/cryptobot.service")  # fmt: skip
    assert "application/vnd.cryptobot.strategy+zip" in inside("cat /usr/share/mime/globs2")

    inside("systemctl enable cryptobot.service 2>/dev/null; echo precious > /var/lib/cryptobot/config.yaml")
    inside(f"dpkg -i /packages/{new.name} >/dev/null", new)
    kept = f"cat /var/lib/cryptobot/config.yaml; test -h {ENABLED}; dpkg-query -W -f '${{Version}}' cryptobot"
    assert inside(kept).split() == ["precious", "0.2.0-1"]

    inside("dpkg -r cryptobot >/dev/null")
    inside(f"test -e /var/lib/cryptobot/config.yaml; test ! -e /usr/lib/cryptobot; test ! -h {ENABLED}")
    inside("dpkg -P cryptobot >/dev/null; ! getent passwd cryptobot; ! getent group cryptobot")
    assert inside(FILES).splitlines() == before


RECORDER = """\
mkdir -p /run/systemd/system
cat > /usr/bin/systemctl <<'END'
#!/bin/sh
echo "$*" >> /var/tmp/calls
case "$*" in *is-active*) test -e /var/tmp/active ;; esac
END
chmod +x /usr/bin/systemctl
"""


@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_a_running_service_is_stopped_for_an_upgrade(
    inside: Inside, two_releases: Callable[[str], tuple[Path, Path]], kind: str
) -> None:
    """Stopped before files are replaced, started after; one that does not run is not started either."""
    old, new = two_releases(kind)
    command = {"deb": "dpkg -i", "rpm": "rpm --nodeps --quiet --force -U"}[kind]
    inside(f"{RECORDER}{command} /packages/{old.name} >/dev/null 2>&1", old)
    upgrade = f": > /var/tmp/calls; {command} /packages/{new.name} >/dev/null 2>&1; cat /var/tmp/calls"
    assert "start" not in inside("cat /var/tmp/calls")

    calls = inside(f"touch /var/tmp/active; {upgrade}", new)
    words = [line.split()[0] for line in calls.splitlines() if "daemon-reload" not in line]
    assert words == ["is-active", "stop", "start"]

    calls = inside(f"rm /var/tmp/active; {upgrade}")
    assert "stop cryptobot.service" not in calls
    assert "start cryptobot.service" not in calls


def test_a_deb_goes_back_and_breaks_off(inside: Inside, two_releases: Callable) -> None:
    """A downgrade keeps the data; a purge without a removal before it leaves nothing either."""
    old, new = two_releases("deb")
    before = inside(FILES).splitlines()
    inside(f"dpkg -i /packages/{new.name} >/dev/null; echo x > /var/lib/cryptobot/config.yaml", new)
    inside(f"dpkg -i /packages/{old.name} >/dev/null 2>&1; cat /var/lib/cryptobot/config.yaml", old)
    inside("dpkg -P cryptobot >/dev/null")
    assert inside(FILES).splitlines() == before


def test_an_rpm_comes_grows_and_goes(inside: Inside, two_releases: Callable) -> None:
    """Installed, enabled, upgraded, erased; RPM knows no purge, so the data stays and that is said."""
    old, new = two_releases("rpm")
    rpm = "rpm --nodeps --quiet"  # Debian's rpm does not know what Debian has installed
    inside(f"{rpm} -i /packages/{old.name}; cryptobot --version", old)
    assert inside("cat /usr/lib/cryptobot/installed-by").strip() == "rpm"
    inside("systemctl enable cryptobot.service 2>/dev/null; echo precious > /var/lib/cryptobot/config.yaml")
    inside(f"{rpm} -U /packages/{new.name}; test -h {ENABLED}", new)
    assert "0.2.0" in inside("rpm -q cryptobot")

    told = inside("rpm --nodeps -e cryptobot; cat /var/lib/cryptobot/config.yaml")
    assert "the data stays in /var/lib/cryptobot" in told
    assert "precious" in told
    inside(f"test ! -e /usr/lib/cryptobot; test ! -e /usr/bin/cryptobot; test ! -h {ENABLED}")


def test_packages_are_the_same_twice(scripts: Scripts, folder: Path, tmp_path: Path) -> None:
    """The same folder and the same date give the same bytes: .deb, .rpm and AppImage."""
    for kind in ("deb", "rpm", "appimage"):
        made = []
        for turn in ("a", "b"):
            out = tmp_path / turn
            out.mkdir(exist_ok=True)
            made += scripts["make"].KINDS[kind](folder, out)
        assert made[0].read_bytes() == made[1].read_bytes(), kind


def test_debians_checker_finds_no_error(scripts: Scripts, folder: Path, tmp_path: Path) -> None:
    """But for what a compiled program cannot help; Debian's archive wants xz, where dpkg takes zstd."""
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed")
    package = scripts["linux"].build(folder, tmp_path, "deb")
    done = subprocess.run(
        ["lintian", "--fail-on", "none", "--allow-root", str(package)],
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    helpless = ("package-installs-python-bytecode", "embedded-library", "unstripped-binary-or-object",
                "binary-or-shlib-defines-rpath", "custom-library-search-path",
                "malformed-deb-archive")  # fmt: skip
    errors = [line for line in done.stdout.splitlines() if line.startswith("E:")]
    assert [line for line in errors if not any(tag in line for tag in helpless)] == []


def test_an_appimage_runs_anywhere(inside: Inside, scripts: Scripts, folder: Path, tmp_path: Path) -> None:
    """Without FUSE: it unpacks once, starts, is found unpacked the next time; a stranger's cache is told."""
    image = scripts["appimage"].build(folder, tmp_path)
    assert image.read_bytes()[8:11] == b"AI\x02"
    first = inside(f"/packages/{image.name} --version 2>&1", image)
    assert "unpacking, this once" in first
    assert "cryptobot" in first.splitlines()[-1]
    assert inside(f"/packages/{image.name} --version 2>&1").splitlines()[0].startswith("cryptobot")
    assert "appimage" in inside("cat /root/.cache/cryptobot-appimage/*/usr/lib/cryptobot/installed-by")
    told = inside(f"chmod 777 /root/.cache/cryptobot-appimage; /packages/{image.name} --version 2>&1", code=1)
    assert "is not yours alone" in told


def test_a_damaged_appimage_is_told(scripts: Scripts, folder: Path, tmp_path: Path) -> None:
    """Half an image starts nothing and leaves nothing that a later start would take for whole."""
    image = scripts["appimage"].build(folder, tmp_path)
    half = tmp_path / "half.AppImage"
    size = image.stat().st_size
    offset = int(subprocess.run([str(image), "--appimage-offset"], capture_output=True, check=True).stdout)
    half.write_bytes(image.read_bytes()[: offset + (size - offset) // 2])
    half.chmod(0o755)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [str(half), "--version"], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "damaged" in done.stderr
    whole = [path for path in (tmp_path / "cache").glob("*/*") if not path.name.startswith(".")]
    assert whole == []
    good = subprocess.run(
        [str(image), "--version"], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert good.stdout.startswith("cryptobot")


def test_the_installed_program_trades(inside: Inside, scripts: Scripts, folder: Path, tmp_path: Path) -> None:
    """In a Debian without Python, as the user of the service: a demo of the real program makes fills."""
    if "CRYPTOBOT_TEST_FOLDER" not in os.environ:
        pytest.skip("CRYPTOBOT_TEST_FOLDER names no real build")
    package = scripts["linux"].build(folder, tmp_path, "deb")
    inside(f"! command -v python3; dpkg -i /packages/{package.name} >/dev/null", package)
    user = "env -i PATH=/usr/bin:/bin setpriv --reuid=cryptobot --regid=cryptobot --clear-groups"
    said = inside(
        f"cd /; {user} cryptobot --home /var/lib/cryptobot {DEMO} 2>/var/tmp/err || cat /var/tmp/err"
    )

    assert json.loads(said.strip().splitlines()[-1])["fills"] > 0, said
    assert inside("find /var/lib/cryptobot ! -user cryptobot").strip() == ""
    inside("dpkg -P cryptobot >/dev/null; test ! -e /var/lib/cryptobot")


def test_the_appimage_trades(inside: Inside, scripts: Scripts, folder: Path, tmp_path: Path) -> None:
    """In a Debian without Python and without FUSE the demo out of the image makes fills; it unpacked once."""
    if "CRYPTOBOT_TEST_FOLDER" not in os.environ:
        pytest.skip("CRYPTOBOT_TEST_FOLDER names no real build")
    image = scripts["appimage"].build(folder, tmp_path)
    start = f"env -i PATH=/usr/bin:/bin HOME=/root /packages/{image.name} --home /root/bot"
    said = inside(f"! command -v python3; cd /; {start} {DEMO} 2>/var/tmp/err || cat /var/tmp/err", image)

    assert json.loads(said.strip().splitlines()[-1])["fills"] > 0, said
    assert len(inside("ls /root/.cache/cryptobot-appimage").split()) == 1
