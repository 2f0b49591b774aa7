//! Who verifies tokens for an instance that reads claims: Envoy's `jwt_authn` before it, and nobody else.

use mlflow_authz::Config;
use mlflow_authz::config::Jwt;

use super::super::finding::Findings;
use super::super::headers::credentials;
use super::super::place::Place;
use super::super::rules;
use super::super::verification::{self, Locations};
use super::auth_cluster::{self, Exposure};
use super::clusters::Clusters;
use super::managers::{HttpFilter, Manager};
use super::plugins::Plugin;
use super::{token_rules, typed};
use mlflow_authz::request::same_header;

const JWT_AUTHN: &str = "filters.http.jwt_authn.v3.JwtAuthentication";
/// Where `jwt_authn` leaves claims, and the filter reads them.
const NAMESPACE: &str = "envoy.filters.http.jwt_authn";

/// Checks every instance that reads claims, and what writes them.
pub fn check(findings: &mut Findings, manager: &Manager<'_>, clusters: &Clusters<'_>) {
    for (index, filter) in manager.filters.iter().enumerate() {
        let Some(plugin) = &filter.plugin else {
            continue;
        };
        let before = manager.filters.get(..index).unwrap_or_default();
        let verifiers: Vec<&HttpFilter<'_>> = before.iter().filter(|it| is_verifier(it)).collect();
        for verifier in &verifiers {
            keys_of_claims(findings, verifier);
        }
        let config = plugin.config.as_ref();
        let Some((config, jwt)) = config.and_then(|it| Some((it, it.jwt.as_ref()?))) else {
            continue;
        };
        written_by_others(findings, manager, before);
        unverified_claims(findings, &verifiers);
        if verifiers.is_empty() {
            unverified(findings, plugin, manager, before);
        } else {
            providers(findings, &verifiers, plugin, (config, jwt), clusters);
            token_rules::check(findings, &verifiers, plugin, manager);
        }
    }
}

fn is_verifier(filter: &HttpFilter<'_>) -> bool {
    let typed = filter.typed.as_ref();
    typed.is_some_and(|typed| typed.is(JWT_AUTHN))
}

fn unverified(
    findings: &mut Findings,
    plugin: &Plugin<'_>,
    manager: &Manager<'_>,
    before: &[HttpFilter<'_>],
) {
    // What it does is not in these files, and that is told where it stands.
    if before.iter().any(|filter| filter.typed.is_none()) {
        return;
    }
    let behind = manager.filters.iter().any(is_verifier);
    let problem = if behind {
        "jwt_authn runs after the filter, which then finds no claims and refuses every token"
    } else {
        "no jwt_authn runs before the filter, so nobody verifies tokens: it finds no claims, and refuses every token"
    };
    findings.add_at(
        rules::JWT_UNVERIFIED,
        plugin.field(&["jwt"]),
        problem,
        "put envoy.filters.http.jwt_authn before the filter, as envoy/examples/jwt.yaml has it",
    );
}

/// A requirement of Envoy 1.37 and later leaves the claims of a token whoever signed it.
fn unverified_claims(findings: &mut Findings, verifiers: &[&HttpFilter<'_>]) {
    let bodies = verifiers
        .iter()
        .filter_map(|verifier| verifier.typed.as_ref());
    for place in bodies.flat_map(|typed| typed.body.descendants().collect::<Vec<_>>()) {
        if let Some(place) = place.get("extract_only_without_validation") {
            findings.add(
                rules::JWT_UNVERIFIED,
                &place,
                "Envoy leaves the claims of any token here, whoever signed it: whoever writes a token chooses the caller and \
                 its rights",
                "require the provider instead",
            );
        }
    }
}

/// Of several `jwt_authn`, each may write the claims.
fn providers(
    findings: &mut Findings,
    verifiers: &[&HttpFilter<'_>],
    plugin: &Plugin<'_>,
    (config, jwt): (&Config, &Jwt),
    clusters: &Clusters<'_>,
) {
    let is_read =
        |key: Option<&str>| key.is_some_and(|key| jwt.metadata_key.iter().any(|it| it == key));
    let mut writes = false;
    for verifier in verifiers {
        if verifier.disabled {
            findings.add(
                rules::CANNOT_TELL,
                &verifier.place,
                format!(
                    "{} runs where a route enables it, so check cannot tell whether tokens are verified on MLflow's routes",
                    verifier.name
                ),
                "remove disabled",
            );
        }
        for provider in of(verifier) {
            for field in ["header_in_metadata", "failed_status_in_metadata"] {
                let Some(place) = provider.get(field).filter(|it| is_read(it.text())) else {
                    continue;
                };
                findings.add(
                    rules::JWT_METADATA_KEY,
                    &place,
                    format!("jwt.metadata_key is the key of {field}, which has no claims"),
                    "give it a key of its own",
                );
            }
            if !is_read(provider.text_of("payload_in_metadata")) {
                continue;
            }
            writes = true;
            key_set(findings, &provider, clusters);
            let locations = Locations {
                holder: Some(provider.clone()),
                headers: "from_headers",
                params: "from_params",
                cookies: "from_cookies",
            };
            if !provider.is_true("require_expiration") {
                findings.add(
                    rules::JWT_EXPIRATION,
                    &provider,
                    "a token without exp is accepted, and its rights never end",
                    "set require_expiration: true",
                );
            }
            for complaint in verification::of_provider(&provider, &locations, config) {
                findings.add(
                    complaint.rule,
                    &complaint.place,
                    complaint.problem,
                    complaint.remedy,
                );
            }
        }
    }
    if !writes {
        findings.add_at(
            rules::JWT_METADATA_KEY,
            plugin.field(&["jwt", "metadata_key"]),
            format!(
                "no provider of jwt_authn writes its claims under {}: the filter refuses every token",
                jwt.metadata_key.join(" or ")
            ),
            "set payload_in_metadata in the provider, and the same key in jwt.metadata_key",
        );
    }
}

/// Whoever hands Envoy the keys of an issuer can sign any token.
fn key_set(findings: &mut Findings, provider: &Place<'_>, clusters: &Clusters<'_>) {
    let Some(place) = provider.at(&["remote_jwks", "http_uri", "cluster"]) else {
        return;
    };
    let Some(cluster) = place.text().and_then(|name| clusters.get(name)) else {
        return;
    };
    for exposure in auth_cluster::exposures(cluster) {
        let why = match exposure {
            Exposure::PlainText => "it comes in plain text".to_owned(),
            Exposure::Unverified(_, missing) => {
                format!("Envoy takes it from whoever answers: {missing} is not set in the cluster")
            }
        };
        findings.add(
            rules::JWKS_UNVERIFIED,
            &place,
            format!("whoever can replace the key set can sign tokens for any caller: {why}"),
            "add a transport_socket with TLS, trusted_ca and match_typed_subject_alt_names to this cluster, as the cluster \
             auth_service of envoy/envoy.yaml has it",
        );
    }
}

/// The providers of a `jwt_authn`.
fn of<'a>(verifier: &HttpFilter<'a>) -> Vec<Place<'a>> {
    let providers = verifier
        .typed
        .as_ref()
        .and_then(|it| it.body.get("providers"));
    providers
        .iter()
        .flat_map(|providers| {
            providers
                .fields()
                .map(|(_, provider)| provider)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// A claim that is written where a key travels is a key that its issuer chooses.
fn keys_of_claims(findings: &mut Findings, verifier: &HttpFilter<'_>) {
    for provider in of(verifier) {
        let claims = provider.list("claim_to_headers").into_iter();
        let claims = claims.filter_map(|claim| claim.get("header_name"));
        for header in claims.chain(provider.get("forward_payload_header")) {
            let name = header.text().unwrap_or_default();
            if credentials().any(|it| same_header(it.as_bytes(), name.as_bytes())) {
                findings.add(
                    rules::HEADER_WRITTEN,
                    &header,
                    format!("jwt_authn writes a claim into the header {name}, from which the filter reads the caller's credential"),
                    "use another header",
                );
            }
        }
    }
}

/// Other filters can write where the claims are, from what a client sends.
fn written_by_others(findings: &mut Findings, manager: &Manager<'_>, before: &[HttpFilter<'_>]) {
    let bodies = before.iter().filter_map(|filter| filter.typed.as_ref());
    let overrides = manager.tables.iter().flat_map(typed::overrides);
    let all = bodies
        .map(|typed| typed.body.clone())
        .chain(overrides.map(|(_, place)| place));
    for place in all.flat_map(|body| body.descendants().collect::<Vec<_>>()) {
        let namespace = place.get("metadata_namespace");
        if let Some(namespace) = namespace.filter(|it| it.text() == Some(NAMESPACE)) {
            findings.add(
                rules::CLAIMS_WRITTEN,
                &namespace,
                "this writes where jwt_authn leaves verified claims: the filter cannot tell them apart",
                "write into another namespace",
            );
        }
    }
}
