"""The server's own certificate authority, and the certificates that it signs.

Keys are on the curve P-256, which every TLS library takes. The authority signs two sorts: the
server's (broker and database), for its host names, and those of persons and agents, whose common
name is their login at the database.
Source: RFC 5280; https://www.postgresql.org/docs/current/auth-cert.html
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from slate_desktop.errors import CommandError, ErrorCode, SettingsError
from slate_desktop.wire.tls_keys import private_pem

AUTHORITY_DAYS = 3650
SERVER_DAYS = 825
CLIENT_DAYS = 825
MAX_CSR_BYTES = 16 * 1024
# Clocks differ: what is signed now is valid on a machine that lags.
_BACKDATE = datetime.timedelta(hours=1)
_CURVES = (ec.SECP256R1, ec.SECP384R1)


class Authority:
    """A certificate authority that signs; ``repr`` shows no secret."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate

    @classmethod
    def generate(cls, name: str) -> Authority:
        """Make a new authority called ``name``."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"SLATE {name}")])
        usage = _key_usage(key_cert_sign=True, crl_sign=True)
        certificate = (
            _builder(subject, subject, key.public_key(), AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    @classmethod
    def load(cls, key_pem: bytes, certificate_pem: bytes) -> Authority:
        """Read an authority.

        Raises:
            SettingsError: the files are damaged, or do not belong together.
        """
        try:
            key = serialization.load_pem_private_key(key_pem, password=None)
            certificate = x509.load_pem_x509_certificate(certificate_pem)
        except (ValueError, TypeError) as exc:
            raise SettingsError(f"The authority's files cannot be read: {exc}") from exc
        if not isinstance(key, ec.EllipticCurvePrivateKey) or (
            certificate.public_key() != key.public_key()
        ):
            raise SettingsError("The authority's key and certificate do not belong together.")
        return cls(key, certificate)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate that workstations trust."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The secret; whoever has it can be anybody."""
        return private_pem(self._key)

    def server_certificate(self, hosts: Sequence[str]) -> tuple[bytes, bytes]:
        """Return key and certificate (PEM) of a server with these names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
        certificate = self._for_hosts(subject, key.public_key(), hosts).sign(
            self._key, hashes.SHA256()
        )
        return private_pem(key), certificate.public_bytes(serialization.Encoding.PEM)

    def client_certificate(self, csr_pem: bytes, common_name: str) -> bytes:
        """Sign a request under a name of ours; what the request itself says is not believed.

        Raises:
            CommandError: ``bad_request``: it is none, its signature is wrong, or its key is weak.
        """
        key = _requested_key(csr_pem)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        signed = self._signed(subject, key, CLIENT_DAYS, ExtendedKeyUsageOID.CLIENT_AUTH)
        certificate = signed.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)

    def broker_certificate(self, csr_pem: bytes, name: str, hosts: Sequence[str]) -> bytes:
        """Sign the request of a further broker, for its host names; raises like the other."""
        key = _requested_key(csr_pem)
        # No login at the database has a space in its name.
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"broker {name}"[:64])])
        certificate = self._for_hosts(subject, key, hosts).sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)

    def _for_hosts(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, hosts: Sequence[str]
    ) -> x509.CertificateBuilder:
        # A broker of a cluster is the others' client too.
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        return self._signed(
            subject, key, SERVER_DAYS, ExtendedKeyUsageOID.SERVER_AUTH,
            ExtendedKeyUsageOID.CLIENT_AUTH,
        ).add_extension(names, critical=False)  # fmt: skip

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        days: int,
        *usages: x509.ObjectIdentifier,
    ) -> x509.CertificateBuilder:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            _builder(subject, self._certificate.subject, key, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(issuer, critical=False)
        )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _key_usage(**granted: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: granted.get(name, False) for name in names})


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _requested_key(csr_pem: bytes) -> ec.EllipticCurvePublicKey:
    """Return the key of a request that proves it; raises ``CommandError``."""
    if len(csr_pem) > MAX_CSR_BYTES:
        raise _refused("The certificate request is too large.")
    try:
        csr = x509.load_pem_x509_csr(csr_pem)
        is_valid = csr.is_signature_valid
        key = csr.public_key()
    except (ValueError, TypeError, InvalidSignature) as exc:
        raise _refused("This is not a certificate request.") from exc
    if not is_valid:
        raise _refused("The certificate request does not prove its key.")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, _CURVES):
        raise _refused("The key of the certificate request must be on the curve P-256.")
    return key


def _refused(message: str) -> CommandError:
    return CommandError(ErrorCode.BAD_REQUEST, message, field="csr")
