"""What is refused before a single byte of an add-on is unpacked."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptobot.configs.errors import UsageError
from cryptobot.configs.paths import Home
from cryptobot.supervisor.install import addons, bundle, signature
from cryptobot.supervisor.install.wheel import Wheel

Make = Callable[..., Path]


def signed(file: Path, home: Home) -> Path:
    bundle.sign_file(file, signature.own_key(home))
    return file


def changed(file: Path, ending: str, text: str) -> Path:
    """The same archive with another content in one file."""
    with zipfile.ZipFile(file) as packed:
        inside = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(file, "w") as packed:
        for name, data in inside.items():
            packed.writestr(name, text if name.endswith(ending) else data)
    return file


def test_what_is_no_zip_is_no_addon(tmp_path: Path) -> None:
    """Nor is a file that does not exist."""
    file = tmp_path / "x.whl"
    with pytest.raises(UsageError, match=r"x\.whl cannot be read as an add-on: No such file"):
        Wheel(file)
    file.write_text("hello")
    with pytest.raises(UsageError, match="it is no zip archive"):
        Wheel(file)


@pytest.mark.parametrize(
    "path", ["../evil.py", "/etc/evil.py", "a\\b.py", "C:/x.py", "a/./b.py", ".hidden/x.py", "x.pth",
             "a/__pycache__/x.pyc", "thing-1.0.data/scripts/x"]
)  # fmt: skip
def test_paths_that_lead_elsewhere_are_refused(make_wheel: Make, path: str) -> None:
    """Also what Python would run by itself, and foreign bytecode."""
    with pytest.raises(UsageError, match="has no place in an add-on"):
        Wheel(make_wheel(files={path: "x"}))


def test_links_and_names_that_differ_in_case_are_refused(make_wheel: Make) -> None:
    """A link could point anywhere, and one of two such names would hide the other on some systems."""
    wheel = make_wheel()
    link = zipfile.ZipInfo("link.py")
    link.external_attr = 0o120777 << 16
    for entry in (link, zipfile.ZipInfo("THING_CODE.py")):
        copy = wheel.with_name(f"{entry.filename}.whl")
        copy.write_bytes(wheel.read_bytes())
        with zipfile.ZipFile(copy, "a") as packed:
            packed.writestr(entry, "/etc/passwd")
        with pytest.raises(UsageError, match="has no place in an add-on"):
            Wheel(copy)


def test_a_file_that_record_does_not_name_is_refused(make_wheel: Make) -> None:
    """So is one that RECORD names and that is not there."""
    with pytest.raises(UsageError, match=r"does not account for extra\.py"):
        Wheel(make_wheel(unlisted={"extra.py": "x"}))


def test_a_changed_file_is_refused(make_wheel: Make, home: Home) -> None:
    """The sentence names it."""
    file = changed(signed(make_wheel(), home), "_code.py", "VALUE = 2\n")
    with pytest.raises(UsageError, match=r"was changed: thing_code\.py is not what its RECORD says"):
        addons.inspect(home, file)


def test_a_changed_record_is_refused(make_wheel: Make, home: Home) -> None:
    """The signature covers RECORD, and with it every file."""
    file = signed(make_wheel(), home)
    other = make_wheel("thing", "1.0", files={"thing_code.py": "VALUE = 2\n"})
    with zipfile.ZipFile(other) as packed:
        record = packed.read("thing-1.0.dist-info/RECORD").decode()
    forged = changed(signed(make_wheel(), home), "/RECORD", record)
    forged = changed(forged, "_code.py", "VALUE = 2\n")
    assert file == forged

    with pytest.raises(UsageError, match="its RECORD is not the one that was signed"):
        addons.inspect(home, forged)


def test_a_damaged_signature_is_refused(make_wheel: Make, home: Home) -> None:
    """Whether it is no JSON, or lacks what it needs."""
    for text in ("no json", "{}", '{"payload":"e30","signatures":[{}]}', "[]"):
        file = changed(signed(make_wheel(), home), ".jws", text)
        with pytest.raises(UsageError, match="its signature does not fit"):
            addons.inspect(home, file)


def test_a_signature_file_without_signatures_is_none(make_wheel: Make, home: Home) -> None:
    """An empty list vouches for nothing."""
    with Wheel(signed(make_wheel(), home)) as wheel:
        signed_bytes = wheel.signature()
    assert signed_bytes is not None
    document = {**json.loads(signed_bytes), "signatures": []}
    file = changed(signed(make_wheel(), home), ".jws", json.dumps(document))
    with pytest.raises(UsageError, match="without a signature in it"):
        addons.inspect(home, file)


def test_an_unsigned_wheel_is_refused(make_wheel: Make, home: Home) -> None:
    """The sentence says how whoever wrote it vouches for it."""
    with pytest.raises(UsageError, match=r"is not signed.*`cryptobot addon sign .*whl`"):
        addons.inspect(home, make_wheel())


def test_another_file_than_the_one_meant_is_refused(make_wheel: Make, home: Home) -> None:
    """With --sha256 the whole file is compared, before it is opened."""
    with pytest.raises(UsageError, match=r"is not the file you meant: its SHA-256 is [0-9a-f]{64}"):
        addons.inspect(home, make_wheel(), sha256="00")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tag": "cp27-cp27m-win32"}, "was built for cp27-cp27m-win32"),
        ({"metadata": "Requires-Python: >=4\n"}, "requires Python >=4"),
        ({"metadata": "Requires-Dist: nosuchthing>=1\n"}, "does not have nosuchthing"),
        ({"metadata": "Requires-Dist: cryptobot>=99\n"}, "this CryptoBot has cryptobot "),
        ({"metadata": "Requires-Dist: (((\n"}, "a requirement that cannot be read"),
        ({"files": {"cryptobot/evil.py": ""}}, "a module cryptobot, which CryptoBot has already"),
        ({"files": {"ccxt/__init__.py": ""}}, "a module ccxt, which CryptoBot has already"),
        ({"files": {"json.py": ""}}, "a module json, which CryptoBot has already"),
    ],
)
def test_what_does_not_fit_is_refused(make_wheel: Make, home: Home, changes: dict, sentence: str) -> None:
    """Another machine or Python, a missing or older requirement, a name that is taken."""
    with pytest.raises(UsageError, match=sentence):
        addons.inspect(home, signed(make_wheel(**changes), home))


def test_a_part_beside_the_program_may_be_replaced(
    make_wheel: Make, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer ccxt comes as an add-on; what is compiled in cannot be replaced."""
    import ccxt

    site = str(Path(ccxt.__file__).parents[1])
    monkeypatch.setattr("cryptobot.supervisor.install.fitting.parts", lambda: [site])
    wheel = signed(make_wheel(files={"ccxt/__init__.py": ""}), home)

    assert addons.inspect(home, wheel).facts.top == ("ccxt",)


def test_requirements_of_extras_and_other_systems_do_not_count(make_wheel: Make, home: Home) -> None:
    """Only what this machine needs is asked for."""
    metadata = 'Requires-Dist: nosuchthing; extra == "x"\nRequires-Dist: nope; sys_platform == "plan9"\n'
    assert addons.inspect(home, signed(make_wheel(metadata=metadata), home)).facts.name == "thing"


def test_a_bundle_is_the_same_for_the_same_file(strategy_file: Path, home: Home, tmp_path: Path) -> None:
    """Ed25519 and the archive hold no time and no chance."""
    key = signature.own_key(home)
    first = bundle.pack(strategy_file, tmp_path / "a", key=key)
    second = bundle.pack(strategy_file, tmp_path / "b", key=key)

    assert first.name == "my-idea-1.0.cryptobot-strategy"
    assert first.read_bytes() == second.read_bytes()


def test_only_one_strategy_makes_a_bundle(tmp_path: Path, home: Home) -> None:
    """None, two, a bad name or a bad version are told."""
    key, file = signature.own_key(home), tmp_path / "x.py"
    file.write_text("VALUE = 1\n")
    with pytest.raises(UsageError, match="it defines 0"):
        bundle.pack(file, tmp_path, key=key)
    file.write_text("class A(Strategy):\n    pass\n\n\nclass B(Strategy):\n    pass\n")
    with pytest.raises(UsageError, match="it defines 2"):
        bundle.pack(file, tmp_path, key=key)
    with pytest.raises(UsageError, match="cannot be a strategy's name"):
        bundle.pack(file, tmp_path, name="No Name", key=key)
    with pytest.raises(UsageError, match="is no version"):
        bundle.pack(file, tmp_path, version="newest", key=key)
    with pytest.raises(UsageError, match="cannot be read"):
        bundle.pack(tmp_path / "none.py", tmp_path, key=key)


def test_keys_are_private_and_written_as_text(home: Home, tmp_path: Path) -> None:
    """The signing key is made once, for nobody else to read; a wrong public key is refused."""
    first, second = signature.own_key(home), signature.own_key(home)
    text = signature.public_text(first)

    assert text == signature.public_text(second) == signature.check_key(f" {text} ")
    assert (home.keys / "addon-signing.key").stat().st_mode & 0o077 == 0
    with pytest.raises(UsageError, match="is no key"):
        signature.check_key("ed25519:short")
    with pytest.raises(UsageError, match="holds no signing key"):
        signature.read_key(tmp_path / "none")
