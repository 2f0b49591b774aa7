"""A certificate authority, and the certificates of servers and clients, made while a test runs."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .envoy_config import Config, listener
from .ports import HOST


class Certificate:
    """A certificate and its key, in files."""

    def __init__(self, folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self.key = certificate, key
        self.chain_file = folder / f"{name}.crt"
        self.key_file = folder / f"{name}.key"
        self.chain_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


class Authority:
    """Signs certificates; its own is in `file`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder / name
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._issued = 0
        certificate = (
            self._builder(self._name, self._key.public_key(), _now() + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.own = Certificate(self._folder, "ca", certificate, self._key)

    @property
    def file(self) -> Path:
        return self.own.chain_file

    def server(self) -> Certificate:
        """A certificate for servers on this machine."""
        names = [x509.IPAddress(ip_address(HOST)), x509.DNSName("localhost")]
        return self._issue(self._name_of("server"), names, ExtendedKeyUsageOID.SERVER_AUTH, timedelta(days=1))

    def client(
        self,
        *,
        uris: tuple[str, ...] = (),
        names: tuple[str, ...] = (),
        subject: list[tuple[x509.ObjectIdentifier, str]] | None = None,
        valid_for: timedelta = timedelta(days=1),
    ) -> Certificate:
        """A client's certificate: URIs and DNS names in its subjectAltName, and its subject, in the order given."""
        alternatives: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in uris]
        alternatives += [x509.DNSName(name) for name in names]
        name = x509.Name([x509.NameAttribute(oid, value) for oid, value in subject or []])
        return self._issue(name, alternatives, ExtendedKeyUsageOID.CLIENT_AUTH, valid_for)

    def _issue(
        self, subject: x509.Name, names: list[x509.GeneralName], usage: x509.ObjectIdentifier, valid_for: timedelta
    ) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(subject, key.public_key(), _now() + valid_for)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not list(subject))
        self._issued += 1
        return Certificate(self._folder, str(self._issued), builder.sign(self._key, hashes.SHA256()), key)

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(issuer_name=self._name, subject_name=subject, public_key=key)
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(_now() - timedelta(days=2)).not_valid_after(until)

    @staticmethod
    def _name_of(common_name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _now() -> datetime:
    return datetime.now(UTC)


def client_context(authority: Authority, certificate: Certificate | None = None) -> ssl.SSLContext:
    """A client that trusts the authority, and presents this certificate, if any."""
    context = ssl.create_default_context(cafile=str(authority.file))
    if certificate is not None:
        context.load_cert_chain(certificate.chain_file, certificate.key_file)
    return context


def tls_listener(authority: Authority, **validation: Any) -> Callable[[Config], None]:
    """An edit: TLS on the listener, with a client's certificate verified if there is one.

    `validation` is laid over Envoy's `validation_context`.
    """
    server = authority.server()

    def edit(config: Config) -> None:
        files = {
            "certificate_chain": {"filename": str(server.chain_file)},
            "private_key": {"filename": str(server.key_file)},
        }
        tls = {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "tls_certificates": [files],
                "validation_context": {"trusted_ca": {"filename": str(authority.file)}, **validation},
            },
        }
        socket = {"name": "envoy.transport_sockets.tls", "typed_config": tls}
        listener(config)["filter_chains"][0]["transport_socket"] = socket

    return edit
