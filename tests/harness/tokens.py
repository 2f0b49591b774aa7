"""Issuers of JSON Web Tokens: their keys, key sets and tokens, made while a test runs."""

import base64
import json
import time
import uuid
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

Claims = dict[str, Any]
AUDIENCE = "mlflow"
ABSENT = object()
"""The value of a claim that a token must not have."""

_COORDINATE = 32
"""The bytes of a number of ES256 (RFC 7518, section 3.4)."""


class Issuer:
    """Who signs tokens. Two issuers of one name have keys of their own."""

    def __init__(self, name: str = "https://issuer.test", algorithm: str = "RS256") -> None:
        self.name = name
        self._algorithm = algorithm
        self._key_id = uuid.uuid4().hex
        self._key: Any
        if algorithm == "ES256":
            self._key = ec.generate_private_key(ec.SECP256R1())
        else:
            self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def public_key(self) -> Any:
        return self._key.public_key()

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key, as a key set has it."""
        public = self.public_key.public_numbers()
        if self._algorithm == "ES256":
            numbers = {
                "kty": "EC",
                "crv": "P-256",
                "x": _number(public.x, _COORDINATE),
                "y": _number(public.y, _COORDINATE),
            }
        else:
            numbers = {"kty": "RSA", "n": _number(public.n), "e": _number(public.e)}
        return {**numbers, "kid": self._key_id, "alg": self._algorithm, "use": "sig"}

    def token(self, **claims: Any) -> str:
        """A token with these claims over the usual ones: valid for five minutes, for MLflow, of `alice`."""
        return self.sign(json.dumps(self.claims(**claims)).encode())

    def claims(self, **claims: Any) -> Claims:
        """What `token` signs."""
        now = int(time.time())
        usual = {"iss": self.name, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 300}
        return {name: value for name, value in {**usual, **claims}.items() if value is not ABSENT}

    def sign(self, payload: bytes) -> str:
        """A token with exactly this payload."""
        head = {"typ": "JWT", "alg": self._algorithm, "kid": self._key_id}
        signed = f"{part(head)}.{part(payload)}"
        return f"{signed}.{part(self._signature(signed.encode()))}"

    def _signature(self, text: bytes) -> bytes:
        if self._algorithm == "ES256":
            numbers = decode_dss_signature(self._key.sign(text, ec.ECDSA(hashes.SHA256())))
            return b"".join(number.to_bytes(_COORDINATE, "big") for number in numbers)
        return self._key.sign(text, padding.PKCS1v15(), hashes.SHA256())


def key_set(*issuers: Issuer) -> str:
    """A JWK set (RFC 7517, section 5) with the keys of these issuers."""
    return json.dumps({"keys": [issuer.jwk for issuer in issuers]})


def _number(value: int, length: int | None = None) -> str:
    """As a key set has it (RFC 7518, section 6): without zeros in front, unless it has a length."""
    return part(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


def part(value: Any) -> str:
    """One part of a token."""
    encoded = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(encoded).rstrip(b"=").decode()


def payload(token: str) -> Claims:
    """What a token claims."""
    middle = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


def with_payload(token: str, **claims: Any) -> str:
    """The token with other claims under the signature that it had."""
    head, _, signature = token.split(".")
    return ".".join((head, part({**payload(token), **claims}), signature))


def unsigned(token: str) -> str:
    """The token with `alg` "none", and without a signature (RFC 7519, section 6)."""
    return ".".join((part({"alg": "none", "typ": "JWT"}), token.split(".")[1], ""))
