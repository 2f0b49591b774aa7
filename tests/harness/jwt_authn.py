"""Envoy's own `jwt_authn` filter, which verifies tokens, before the filter under test."""

from collections.abc import Callable
from typing import Any

from .envoy_config import Config, connection_manager
from .tokens import AUDIENCE, Issuer, key_set

NAME = "envoy.filters.http.jwt_authn"
PAYLOAD = "payload"
"""The key of the metadata under which the filter finds the claims."""
BEARER = {"name": "authorization", "value_prefix": "Bearer "}
_FILTER = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"


def provider(*issuers: Issuer, **more: Any) -> Config:
    """A provider with the keys of these issuers, who have one name; `more` replaces its fields, None removes one."""
    usual = {
        "issuer": issuers[0].name,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": key_set(*issuers)},
        "from_headers": [BEARER],
        "payload_in_metadata": PAYLOAD,
    }
    return {name: value for name, value in {**usual, **more}.items() if value is not None}


def jwt_authn(providers: dict[str, Config], requires: Config) -> Config:
    """The HTTP filter, with what it requires of every request."""
    rules = [{"match": {"prefix": "/"}, "requires": requires}]
    body = {"@type": _FILTER, "providers": providers, "rules": rules}
    return {"name": NAME, "typed_config": body}


def verified_by(providers: dict[str, Config], requires: Config | None = None) -> Callable[[Config], None]:
    """An edit of the configuration: tokens are verified first.

    What Envoy requires of a request is nothing, unless `requires` says it: a request with no token or a bad one reaches
    the filter, which answers it.
    """

    def edit(config: Config) -> None:
        names: list[Config] = [{"provider_name": name} for name in providers]
        either = {"requires_any": {"requirements": [*names, {"allow_missing_or_failed": {}}]}}
        insert_before(config, jwt_authn(providers, requires or either))

    return edit


def insert_before(config: Config, *filters: Config) -> None:
    """Puts HTTP filters before the filter under test."""
    chain = connection_manager(config)["http_filters"]
    (at,) = (index for index, each in enumerate(chain) if each["name"] == "mlflow_authz")
    chain[at:at] = filters
