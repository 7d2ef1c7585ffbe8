"""The certificates of the dashboard."""

import datetime
import os
import ssl
from pathlib import Path

import pytest
from cryptobot.configs.errors import StartError
from cryptobot.configs.paths import Home
from cryptobot.dashboard import tls
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

NAMES = tls.names_for("127.0.0.1")


def chain_of(certificate: tls.Certificate) -> list[x509.Certificate]:
    """Server certificate first."""
    return x509.load_pem_x509_certificates(certificate.chain.read_bytes())


def test_the_server_certificate_is_good_for_the_names_of_this_machine(tmp_path: Path) -> None:
    """A strict verifier that trusts our CA accepts the server as localhost."""
    made = tls.ensure(Home(tmp_path), NAMES)

    authority = x509.load_pem_x509_certificate(made.authority.read_bytes())
    verifier = PolicyBuilder().store(Store([authority])).build_server_verifier(x509.DNSName("localhost"))
    assert len(verifier.verify(chain_of(made)[0], [])) == 2


def test_all_loopback_addresses_are_in_the_certificate(tmp_path: Path) -> None:
    """localhost, 127.0.0.1 and ::1 are the subject's alternative names."""
    made = tls.ensure(Home(tmp_path), NAMES)

    names = chain_of(made)[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(getattr(name, "value", name)) for name in names] == ["localhost", "127.0.0.1", "::1"]


@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX systems")
def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    """No key and no certificate is open to other users."""
    tls.ensure(Home(tmp_path), NAMES)

    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").glob("*.key")} == {0o600}


def test_a_good_certificate_is_kept(tmp_path: Path) -> None:
    """A second start serves the same certificate."""
    first = tls.ensure(Home(tmp_path), NAMES).chain.read_bytes()

    assert tls.ensure(Home(tmp_path), NAMES).chain.read_bytes() == first


def test_a_certificate_is_renewed_by_the_same_authority_before_it_ends(tmp_path: Path) -> None:
    """Thirty days before its end the certificate is replaced; who trusted the CA goes on trusting."""
    first = tls.ensure(Home(tmp_path), NAMES)
    authority = first.authority.read_bytes()

    later = first.not_after - tls.RENEW_BEFORE + datetime.timedelta(days=1)
    renewed = tls.ensure(Home(tmp_path), NAMES, now=later)

    assert renewed.not_after > first.not_after
    assert renewed.authority.read_bytes() == authority


def test_a_new_name_makes_a_new_certificate(tmp_path: Path) -> None:
    """Opening the dashboard to a network address puts that address into the certificate."""
    tls.ensure(Home(tmp_path), NAMES)

    widened = tls.ensure(Home(tmp_path), tls.names_for("192.0.2.7"))

    names = chain_of(widened)[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "192.0.2.7" in [str(getattr(name, "value", name)) for name in names]


def test_a_broken_certificate_file_is_replaced(tmp_path: Path) -> None:
    """A file that is no certificate does not keep the dashboard from starting."""
    made = tls.ensure(Home(tmp_path), NAMES)
    made.chain.write_bytes(b"not a certificate")

    tls.server_context(tls.ensure(Home(tmp_path), NAMES))


def test_old_versions_of_tls_are_refused(tmp_path: Path) -> None:
    """Nothing below TLS 1.2 is spoken."""
    context = tls.server_context(tls.ensure(Home(tmp_path), NAMES))

    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_the_users_own_certificate_is_served(tmp_path: Path) -> None:
    """From the files that the settings name, with the names that it is good for."""
    elsewhere = Home(tmp_path / "other")
    made = tls.ensure(elsewhere, ("bot.example.com", "*.lan.example.com", "10.0.0.7"))
    home = Home(tmp_path / "home")

    certificate = tls.own(home, str(made.chain), str(made.key))

    assert certificate.not_after == made.not_after
    assert tls.names_in(certificate) == ("bot.example.com", "*.lan.example.com", "10.0.0.7")


@pytest.mark.parametrize("damage", ["chain missing", "key of another", "no certificate"])
def test_a_certificate_that_cannot_be_used_names_the_settings(tmp_path: Path, damage: str) -> None:
    """One sentence with both files and both settings; nothing is served instead."""
    made = tls.ensure(Home(tmp_path / "a"), ("a.example.com",))
    other = tls.ensure(Home(tmp_path / "b"), ("b.example.com",))
    chain, key = made.chain, made.key
    if damage == "chain missing":
        chain = tmp_path / "nowhere.pem"
    elif damage == "key of another":
        key = other.key
    else:
        chain = tmp_path / "text.pem"
        chain.write_text("hello")

    with pytest.raises(StartError, match=r"dashboard\.certificate and dashboard\.private_key"):
        tls.own(Home(tmp_path), str(chain), str(key))
