//! Whether a listener asks for client certificates and verifies them, for an instance that believes their names.

use super::super::finding::Findings;
use super::super::place::Place;
use super::super::rules;
use super::managers::Manager;
use super::plugins::Plugin;
use super::typed::{self, Typed};

/// Checks every instance that reads names of certificates.
pub fn check(findings: &mut Findings, manager: &Manager<'_>) {
    let reads = |plugin: &&Plugin<'_>| plugin.config.as_ref().is_some_and(|it| it.mtls.is_some());
    for plugin in manager.plugins().filter(reads) {
        let Some(chain) = &manager.chain else {
            findings.add_at(
                rules::CANNOT_TELL,
                plugin.field(&["mtls"]),
                "the listener is not in these files, so check cannot tell whether Envoy verifies client certificates",
                "give the listener to check as well",
            );
            continue;
        };
        let socket = chain.get("transport_socket");
        let contexts = socket.map(|socket| typed::all(&socket, "DownstreamTlsContext"));
        let contexts = contexts.unwrap_or_default();
        if contexts.is_empty() {
            findings.add_at(
                rules::CERTIFICATE_NOT_ASKED,
                plugin.field(&["mtls"]),
                "the listener has no TLS, so no request has a client certificate",
                "add a transport_socket with a DownstreamTlsContext and a validation_context to its filter chain, as \
                 envoy/examples/mtls.yaml has it",
            );
        }
        for context in &contexts {
            verified(findings, context);
        }
    }
}

fn verified(findings: &mut Findings, context: &Place<'_>) {
    let common = context.at_or_self(&["common_tls_context"]);
    let combined = common.get("combined_validation_context");
    let own = match &combined {
        Some(combined) => combined.get("default_validation_context"),
        None => common.get("validation_context"),
    };
    let by_sds = common
        .get("validation_context_sds_secret_config")
        .or_else(|| combined?.get("validation_context_sds_secret_config"));
    if let Some(own) = &own {
        trust(findings, own, by_sds.is_some());
    }
    if own.is_some() || by_sds.is_some() {
        resumed(findings, context);
    }
    match (own, by_sds) {
        (_, Some(sds)) => findings.add(
            rules::CANNOT_TELL,
            &sds,
            "which certificates Envoy accepts comes by SDS, so check cannot tell whether it verifies them",
            "verify by hand that the secret has trusted_ca, and no ACCEPT_UNTRUSTED",
        ),
        (Some(_), None) => {}
        (None, None) => findings.add(
            rules::CERTIFICATE_NOT_ASKED,
            context,
            "the listener asks for no client certificate, so no caller has a name",
            "add common_tls_context.validation_context with trusted_ca; require_client_certificate refuses callers without \
             one",
        ),
    }
}

const RESUMPTION: &[&str] = &[
    "disable_stateless_session_resumption",
    "disable_stateful_session_resumption",
];

/// A connection that resumes a session has the certificate of that session, which Envoy does not verify again.
fn resumed(findings: &mut Findings, context: &Place<'_>) {
    if let Some(missing) = RESUMPTION.iter().find(|name| !context.is_true(name)) {
        findings.add(
            rules::CERTIFICATE_RESUMED,
            context,
            format!(
                "clients may resume TLS sessions, and Envoy does not verify their certificates again: one that has expired \
                 since keeps its rights ({missing} is not true)"
            ),
            "set disable_stateless_session_resumption and disable_stateful_session_resumption",
        );
    }
}

/// What makes Envoy verify who signed a certificate.
const AUTHORITIES: &[&str] = &[
    "trusted_ca",
    "system_root_certs",
    "ca_certificate_provider_instance",
];

/// Whether Envoy verifies the name in a certificate. A pinned certificate is verified by itself, a pinned key is not: its
/// owner writes any name into a certificate; and of the two, either is enough for Envoy.
fn has_anchor(validation: &Place<'_>) -> bool {
    let is_set = |name: &str| validation.get(name).is_some();
    let is_pinned = is_set("verify_certificate_hash") && !is_set("verify_certificate_spki");
    is_pinned || AUTHORITIES.iter().any(|name| is_set(name))
}

fn trust(findings: &mut Findings, validation: &Place<'_>, more_by_sds: bool) {
    let chain = validation.get("trust_chain_verification");
    if let Some(place) = chain.filter(|it| it.is_word("ACCEPT_UNTRUSTED", 1)) {
        findings.add(
            rules::CERTIFICATE_UNVERIFIED,
            &place,
            "Envoy accepts certificates that anybody signed: whoever connects chooses the name, and with it the rights",
            "remove trust_chain_verification",
        );
    }
    if let Some(place) = validation
        .get("allow_expired_certificate")
        .filter(Place::is_yes)
    {
        findings.add(
            rules::CERTIFICATE_UNVERIFIED,
            &place,
            "Envoy accepts expired certificates, so their owners keep their rights for ever",
            "remove allow_expired_certificate",
        );
    }
    if let Some(validator) = validation.get("custom_validator_config") {
        if !Typed::of(&validator).is_some_and(|it| it.is("SPIFFECertValidatorConfig")) {
            findings.add(
                rules::CANNOT_TELL,
                &validator,
                "check does not know how this validator verifies certificates",
                "verify by hand that it refuses what no trusted authority signed",
            );
        }
        return;
    }
    if !more_by_sds && !has_anchor(validation) {
        findings.add(
            rules::CERTIFICATE_UNVERIFIED,
            validation,
            "trusted_ca is not set, so Envoy verifies no signature: whoever connects chooses the name, and with it the \
             rights",
            "set trusted_ca to the authority of your callers",
        );
    }
}
