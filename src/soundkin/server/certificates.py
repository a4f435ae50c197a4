"""Certificates for HTTPS: a person's own, or one that the server makes and signs itself.

Browsers open the microphone only to pages from their own machine or over HTTPS, so that a phone
can record a query only there. Nobody vouches for a certificate of our own making: a browser asks
once whether to trust it, and its fingerprint tells that it is this one.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from soundkin.errors import ServerError, naming
from soundkin.system.files import write_aside

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ModuleNotFoundError as error:
    message = "HTTPS needs more; install it with: pip install 'soundkin[https]'"
    raise ServerError(message) from error

VALID = datetime.timedelta(days=397)  # browsers refuse those that are good for longer
MIN_LEFT = datetime.timedelta(days=30)
PAST = datetime.timedelta(days=1)  # clocks differ


@dataclass(frozen=True)
class Certificate:
    """A certificate in PEM files, the key beside it or in the same file; SHA-256 `fingerprint`."""

    path: Path
    key: Path | None
    fingerprint: str


def read_certificate(path: Path, key: Path | None) -> Certificate:
    """Read a person's own certificate, with its key in another file or in the same.

    Raises
    ------
    ServerError
        There is no certificate in the file, or no key that fits it.
    """
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        text = (key or path).read_bytes()
        own = serialization.load_pem_private_key(text, password=None)
    except OSError as error:
        raise ServerError(f"{error.filename}: {error.strerror or error}") from error
    except (ValueError, TypeError) as error:
        raise ServerError(
            f"{path}: no certificate with an unlocked key in PEM form; give --certificate and --key"
        ) from error
    if own.public_key() != found.public_key():
        raise ServerError(f"{key or path}: its key does not fit the certificate in {path}")
    return Certificate(path, key, _compute_fingerprint(found))


def keep_certificate(folder: Path, names: Iterable[str]) -> Certificate:
    """Find the certificate that the server made before, or make one for these names and addresses.

    Raises
    ------
    ServerError
        It cannot be written.
    """
    path = folder / "certificate.pem"
    wanted = sorted({name for name in names if name.isascii()})  # the others no browser sends
    with suppress(OSError, ValueError, ServerError):
        found = x509.load_pem_x509_certificate(path.read_bytes())
        if _is_good(found, wanted):
            return read_certificate(path, None)
    with naming(path, ServerError):
        folder.mkdir(parents=True, exist_ok=True)
        with write_aside(path) as file:
            os.chmod(file.fileno(), 0o600)  # noqa: PTH101 (the file that is open, not its name)
            file.write(_make(wanted))
    return read_certificate(path, None)


def _is_good(found: x509.Certificate, wanted: list[str]) -> bool:
    """Tell whether a certificate names all that is wanted and will not end soon."""
    named = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {str(name.value) for name in named}
    left = found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return known.issuperset(wanted) and left > MIN_LEFT


def _make(names: list[str]) -> bytes:
    """Make a certificate, signed by its own key, and the key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "soundkin on this machine")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - PAST)
        .not_valid_after(now - PAST + VALID)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _compute_fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()
