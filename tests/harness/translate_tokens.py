"""What Istio and Envoy Gateway make of a policy that verifies tokens: Envoy's `jwt_authn`, before the filter.

Repeated by hand from their sources: Istio's pilot/pkg/security/authn/policy_applier.go, Envoy Gateway's
internal/xds/translator/jwt.go. Key sets are given, since neither could fetch one here.
"""

import json
from typing import Any

from . import crds
from .envoy_config import Config, wasm_plugin
from .jwt_authn import verified_by
from .translate import GATEWAY, ISTIO, find


def _only_given(fields: Config) -> Config:
    return {name: value for name, value in fields.items() if value not in (None, [], "")}


def istio_provider(rule: Config, key_set: str) -> Config:
    """A rule of RequestAuthentication, Istio 1.24 and later."""
    headers = [{"name": it["name"], "value_prefix": it.get("prefix", "")} for it in rule.get("fromHeaders", [])]
    return _only_given(
        {
            "issuer": rule["issuer"],
            "audiences": rule.get("audiences"),
            "forward": rule.get("forwardOriginalToken", False),
            "forward_payload_header": rule.get("outputPayloadToHeader"),
            "payload_in_metadata": "payload",
            "normalize_payload_in_metadata": {"space_delimited_claims": ["permission", "scope"]},
            "from_headers": headers,
            "from_params": rule.get("fromParams"),
            "from_cookies": rule.get("fromCookies"),
            "local_jwks": {"inline_string": key_set},
        }
    )


def gateway_provider(provider: Config, key_set: str) -> Config:
    """A provider of SecurityPolicy, Envoy Gateway 1.7 and later."""
    places = provider.get("extractFrom", {})
    headers = [{"name": it["name"], "value_prefix": it.get("valuePrefix", "")} for it in places.get("headers", [])]
    return _only_given(
        {
            "issuer": provider.get("issuer"),
            "audiences": provider.get("audiences"),
            "forward": True,
            "payload_in_metadata": provider["name"],
            "normalize_payload_in_metadata": {"space_delimited_claims": ["scope", "scp"]},
            "from_headers": headers,
            "from_params": places.get("params"),
            "from_cookies": places.get("cookies"),
            "local_jwks": {"inline_string": key_set},
        }
    )


def _behind(config: Config, plugin: Any, providers: dict[str, Config], allowed: list[Config]) -> None:
    wasm_plugin(config)["configuration"]["value"] = json.dumps(plugin)
    required = [*({"provider_name": name} for name in providers), *allowed]
    verified_by(providers, {"requires_any": {"requirements": required}})(config)


def tokens_as_istio(config: Config, key_set: str) -> None:
    """envoy/istio/jwt. Istio requires of each provider: its token, or none."""
    (rule,) = find(ISTIO / "jwt" / "request-authentication.yaml", "RequestAuthentication")["spec"]["jwtRules"]
    (plugin,) = crds.objects(ISTIO / "jwt" / "wasm-plugin.yaml")
    # In AUTHZ, Istio's builder of listeners puts it behind jwt_authn.
    assert plugin["spec"]["phase"] == "AUTHZ"
    providers = {"origins-0": istio_provider(rule, key_set)}
    _behind(config, plugin["spec"]["pluginConfig"], providers, [{"allow_missing": {}}])


def tokens_as_envoy_gateway(config: Config, key_set: str) -> None:
    """envoy/gateway/jwt. Envoy Gateway sorts jwt_authn before Wasm."""
    jwt = find(GATEWAY / "jwt" / "security-policy.yaml", "SecurityPolicy")["spec"]["jwt"]
    (wasm,) = find(GATEWAY / "jwt" / "envoy-extension-policy.yaml", "EnvoyExtensionPolicy")["spec"]["wasm"]
    providers = {it["name"]: gateway_provider(it, key_set) for it in jwt["providers"]}
    allowed: list[Config] = [{"allow_missing": {}}] if jwt.get("optional") else []
    _behind(config, wasm["config"], providers, allowed)
