"""What a certificate says: for whom it is, and from when until when."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from slate_desktop.errors import SettingsError


class CertificateFacts(msgspec.Struct, frozen=True):
    """Names and addresses, and the span in which it counts (aware UTC)."""

    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


def read_certificate(pem: bytes) -> CertificateFacts:
    """Read a certificate.

    Raises:
        SettingsError: it is none.
    """
    try:
        found = x509.load_pem_x509_certificate(pem)
    except ValueError as exc:
        raise SettingsError("This is not a certificate.") from exc
    names: tuple[str, ...] = ()
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        hosts = extension.value.get_values_for_type(x509.DNSName)
        addresses = extension.value.get_values_for_type(x509.IPAddress)
        names = (*hosts, *(str(address) for address in addresses))
    except x509.ExtensionNotFound:
        pass
    return CertificateFacts(names, found.not_valid_before_utc, found.not_valid_after_utc)


def key_pin(pem: bytes) -> str:
    """Return the SHA-256 of a certificate's public key (SubjectPublicKeyInfo), hex.

    Raises:
        SettingsError: it is no certificate.
    """
    try:
        key = x509.load_pem_x509_certificate(pem).public_key()
    except ValueError as exc:
        raise SettingsError("This is not a certificate.") from exc
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).hexdigest()
