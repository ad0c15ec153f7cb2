"""What a certificate says: for whom it is, and from when until when."""

from __future__ import annotations

from datetime import datetime

import msgspec
from cryptography import x509

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
