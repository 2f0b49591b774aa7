"""The tokens that an issuer signs for the measurement: the same for all that verify them."""

import functools

from harness.keys import Key
from harness.tokens import Issuer

READ, WRITE = "model:read", "model:write"
_LONG_AFTER = 4_102_444_800
"""The year 2100: no token may expire while it is measured."""


@functools.cache
def issuer() -> Issuer:
    """RS256, as most identity providers sign."""
    return Issuer()


@functools.cache
def token(scope: str) -> Key:
    """Sent as a key is: `Authorization: Bearer`."""
    return {"key": issuer().token(scope=scope, exp=_LONG_AFTER)}
