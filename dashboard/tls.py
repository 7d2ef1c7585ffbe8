"""The dashboard's own certificate authority and server certificate, made at first run."""

import datetime
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..configs.errors import StartError
from ..configs.files import replace
from ..configs.paths import Home

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_ANY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, never listened on
_AUTHORITY_LIFE = datetime.timedelta(days=3650)
# Apple's systems refuse server certificates that are valid for longer than 398 days.
_SERVER_LIFE = datetime.timedelta(days=397)
RENEW_BEFORE = datetime.timedelta(days=30)
_CLOCK_TOLERANCE = datetime.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where the server's certificate chain and key are, and when the certificate ends."""

    chain: Path
    key: Path
    authority: Path
    not_after: datetime.datetime


def names_for(host: str) -> tuple[str, ...]:
    """The names people may reach the dashboard by when it listens on `host`."""
    extra: list[str] = []
    if host in _ANY_ADDRESS:
        extra.append(socket.gethostname())
    elif host not in LOOPBACK_NAMES:
        extra.append(host)
    return (*LOOPBACK_NAMES, *extra)


def ensure(home: Home, names: tuple[str, ...], *, now: datetime.datetime | None = None) -> Certificate:
    """The certificate in force; made or renewed when it is missing, ends soon or lacks a name."""
    moment = now or datetime.datetime.now(datetime.UTC)
    chain, key, authority = home.keys / "dashboard.crt", home.keys / "dashboard.key", home.keys / "ca.crt"
    current = _read(chain)
    if current is None or not key.exists() or not _good(current, names, moment):
        issuer, issuer_key = _authority(home, moment)
        current = _issue(chain, key, issuer, issuer_key, names, moment)
    return Certificate(chain=chain, key=key, authority=authority, not_after=current.not_valid_after_utc)


def own(home: Home, chain: str, key: str) -> Certificate:
    """The user's certificate.

    Args:
        chain: PEM file, the server's certificate first; paths may begin at the home.
        key: PEM file, without a passphrase.

    Raises:
        StartError: a file is missing or no certificate, or the two do not belong together.
    """
    chain_file, key_file = home.root / chain, home.root / key
    try:
        held = x509.load_pem_x509_certificate(chain_file.read_bytes())
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain_file, key_file)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StartError(
            f"The certificate {chain_file} with the key {key_file} cannot be used ({why}); check "
            "dashboard.certificate and dashboard.private_key."
        ) from error
    return Certificate(
        chain=chain_file, key=key_file, authority=chain_file, not_after=held.not_valid_after_utc
    )


def names_in(certificate: Certificate) -> tuple[str, ...]:
    """The names that a certificate is good for, in small letters; `*.example.com` as it stands there."""
    held = _read(certificate.chain)
    if held is None:
        return ()
    try:
        names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value).lower() for name in names)


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """TLS 1.2 and later with this certificate. A newer chain may be loaded into it while it serves."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate.chain, certificate.key)
    return context


def _read(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _good(certificate: x509.Certificate, names: tuple[str, ...], now: datetime.datetime) -> bool:
    if certificate.not_valid_after_utc - now < RENEW_BEFORE or certificate.not_valid_before_utc > now:
        return False
    held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(_general_names(names)) <= set(held)


def _general_names(names: tuple[str, ...]) -> list[x509.GeneralName]:
    result: list[x509.GeneralName] = []
    for name in names:
        try:
            result.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            result.append(x509.DNSName(name))
    return result


def _authority(home: Home, now: datetime.datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate_file, key_file = home.keys / "ca.crt", home.keys / "ca.key"
    certificate, key = _read(certificate_file), _read_key(key_file)
    if certificate is not None and key is not None and certificate.not_valid_after_utc - now > _SERVER_LIFE:
        return certificate, key
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"CryptoBot on {socket.gethostname()}"[:64])])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        _builder(name, name, key.public_key(), now, _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_file, key)
    replace(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _issue(
    chain: Path,
    key_file: Path,
    issuer: x509.Certificate,
    issuer_key: ec.EllipticCurvePrivateKey,
    names: tuple[str, ...],
    now: datetime.datetime,
) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CryptoBot dashboard")])
    certificate = (
        _builder(subject, issuer.subject, key.public_key(), now, _SERVER_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .sign(issuer_key, hashes.SHA256())
    )
    _write_key(key_file, key)
    pem = serialization.Encoding.PEM
    replace(chain, certificate.public_bytes(pem) + issuer.public_bytes(pem))
    return certificate


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    life: datetime.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_TOLERANCE)
        .not_valid_after(now + life)
    )


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey | None:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError):
        return None
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    replace(path, pem, mode=0o600)
    if os.name == "posix":
        path.chmod(0o600)
