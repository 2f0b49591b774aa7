//! Who verifies tokens and client certificates on a way, for an instance that believes them: Istio's
//! `RequestAuthentication` and `Gateway`, Envoy Gateway's `SecurityPolicy` and `ClientTrafficPolicy`.

use mlflow_authz::Config;
use mlflow_authz::config::Jwt;

use super::super::hosts::in_common;
use super::super::input::Document;
use super::super::place::Place;
use super::super::rules;
use super::super::verification::{Locations, of_provider};
use super::coverage::{Attachment, Control, Coverage, Instance, attachment};
use super::object::{Object, of_kinds};
use super::problem::Problem;
use super::way::{Entry, Listener, Way};

/// The key under which Istio leaves claims, 1.24 and later.
const ISTIO_KEY: &str = "payload";

/// Everything in the manifests that verifies callers.
pub struct Verifiers<'a> {
    /// Istio selects pods for these as for the filter.
    authentications: Vec<Instance<'a>>,
    security: Vec<Object<'a>>,
    clients: Vec<Object<'a>>,
}

impl<'a> Verifiers<'a> {
    /// Reads what was given.
    pub fn read(documents: &[Document<'a>]) -> Self {
        let authentications = of_kinds(documents, &["RequestAuthentication"]);
        let instance = |object: Object<'a>| Instance {
            place: object.root.clone(),
            object,
            config: None,
            control: Control::Istio,
        };
        Self {
            authentications: authentications.into_iter().map(instance).collect(),
            security: of_kinds(documents, &["SecurityPolicy"]),
            clients: of_kinds(documents, &["ClientTrafficPolicy"]),
        }
    }

    /// What an instance that runs on a way believes there, and nobody verifies.
    pub fn problems(
        &self,
        way: &Way<'a>,
        instance: &Instance<'a>,
        config: &Config,
    ) -> Vec<Problem<'a>> {
        let mut found = Vec::new();
        if let Some(jwt) = &config.jwt {
            let place = instance.place.at_or_self(&["jwt"]);
            match (&way.entry, instance.control) {
                (Entry::Listener(listener), Control::EnvoyGateway) => {
                    found.extend(self.by_security_policy(listener, &place, (config, jwt)));
                }
                _ => found.extend(self.by_authentication(&way.entry, &place, (config, jwt))),
            }
        }
        if config.mtls.is_some() {
            let place = instance.place.at_or_self(&["mtls"]);
            match (&way.entry, instance.control) {
                (Entry::Listener(listener), Control::EnvoyGateway) => {
                    found.extend(self.certificates_of_clients(listener, &place));
                }
                (
                    Entry::Gateway {
                        object: Some(gateway),
                        ..
                    },
                    _,
                ) => found.extend(certificates_of_servers(gateway, &way.hosts)),
                (entry, _) => found.push(Problem::new(
                    rules::CANNOT_TELL,
                    &place,
                    format!(
                        "cannot tell whether {} verifies client certificates, and whether they are the callers'",
                        entry.title()
                    ),
                    "verify by hand that it asks for certificates, and that no other proxy ends the callers' TLS before it",
                )),
            }
        }
        found
    }

    fn by_authentication(
        &self,
        entry: &Entry<'a>,
        place: &Place<'a>,
        (config, jwt): (&Config, &Jwt),
    ) -> Vec<Problem<'a>> {
        let coverages: Vec<(&Instance<'a>, Coverage)> = self
            .authentications
            .iter()
            .map(|it| (it, it.coverage(entry, &[])))
            .collect();
        let running = coverages
            .iter()
            .filter(|(_, coverage)| *coverage == Coverage::Runs);
        let rules: Vec<Place<'a>> = running
            .flat_map(|(policy, _)| policy.object.spec.list("jwtRules"))
            .collect();
        if !rules.is_empty() {
            let is_read = |rule: &Place<'a>| {
                let issuer = rule.text_of("issuer").unwrap_or_default();
                jwt.metadata_key
                    .iter()
                    .any(|key| key == ISTIO_KEY || key == issuer)
            };
            return of_providers(rules, is_read, place, (config, jwt), ISTIO_KEY, &|rule| {
                Locations {
                    holder: Some(rule.clone()),
                    headers: "fromHeaders",
                    params: "fromParams",
                    cookies: "fromCookies",
                }
            });
        }
        let unknown = coverages.iter().find_map(|(_, coverage)| match coverage {
            Coverage::CannotTell(why) => Some(why),
            _ => None,
        });
        vec![match unknown {
            Some(why) => Problem::new(
                rules::CANNOT_TELL,
                place,
                format!(
                    "cannot tell whether tokens are verified at {}: {why}",
                    entry.title()
                ),
                "give the RequestAuthentication the selector of the filter's manifest",
            ),
            None => Problem::new(
                rules::JWT_UNVERIFIED,
                place,
                format!(
                    "no RequestAuthentication with jwtRules is for {}: the filter finds no claims, and refuses every token",
                    entry.title()
                ),
                "apply one with the selector of the filter's manifest, as envoy/istio/jwt has it, and give it to check",
            ),
        }]
    }

    fn by_security_policy(
        &self,
        listener: &Listener<'a>,
        place: &Place<'a>,
        (config, jwt): (&Config, &Jwt),
    ) -> Vec<Problem<'a>> {
        let gateway = format!("Gateway {}/{}", listener.namespace, listener.gateway);
        let closest = match closest(&self.security, listener) {
            Ok(closest) => closest,
            Err(policy) => {
                return vec![Problem::new(
                    rules::CANNOT_TELL,
                    place,
                    format!(
                        "cannot tell whether {} verifies tokens: it selects its targets by label, or by a listener of a \
                         Gateway that was not given",
                        policy.title()
                    ),
                    "name the targets in targetRefs",
                )];
            }
        };
        let providers = closest.map(|policy| policy.spec.list_at(&["jwt", "providers"]));
        let providers = providers.unwrap_or_default();
        if providers.is_empty() {
            let why = match closest {
                Some(policy) => format!(
                    "{} replaces the others there, and has no jwt",
                    policy.title()
                ),
                None => "no SecurityPolicy is for it".to_owned(),
            };
            return vec![Problem::new(
                rules::JWT_UNVERIFIED,
                place,
                format!(
                    "nobody verifies tokens at {gateway}: {why}. The filter finds no claims, and refuses every token"
                ),
                "apply a SecurityPolicy with jwt for it, as envoy/gateway/jwt has it, and give it to check",
            )];
        }
        let is_read = |provider: &Place<'a>| {
            let keys = [provider.text_of("name"), provider.text_of("issuer")];
            keys.iter()
                .flatten()
                .any(|key| jwt.metadata_key.iter().any(|it| it == key))
        };
        let names: Vec<&str> = providers
            .iter()
            .filter_map(|it| it.text_of("name"))
            .collect();
        let writes = names.join(", ");
        of_providers(
            providers,
            is_read,
            place,
            (config, jwt),
            &writes,
            &|provider| Locations {
                holder: provider.get("extractFrom"),
                headers: "headers",
                params: "params",
                cookies: "cookies",
            },
        )
    }

    fn certificates_of_clients(
        &self,
        listener: &Listener<'a>,
        place: &Place<'a>,
    ) -> Option<Problem<'a>> {
        let Ok(policy) = closest(&self.clients, listener) else {
            return Some(Problem::new(
                rules::CANNOT_TELL,
                place,
                "cannot tell which ClientTrafficPolicy is for this listener",
                "name the targets in targetRefs",
            ));
        };
        let validation = policy.and_then(|policy| policy.spec.at(&["tls", "clientValidation"]));
        let Some(validation) = validation else {
            return Some(Problem::new(
                rules::CERTIFICATE_NOT_ASKED,
                place,
                format!(
                    "no ClientTrafficPolicy with tls.clientValidation is for Gateway {}/{}, so no request has a client \
                     certificate",
                    listener.namespace, listener.gateway
                ),
                "apply one with caCertificateRefs, and give it to check",
            ));
        };
        let mode = validation.get("mode");
        if let Some(mode) = mode.filter(|it| matches!(it.text(), Some("Request" | "RequireAny"))) {
            return Some(Problem::new(
                rules::CERTIFICATE_UNVERIFIED,
                &mode,
                "Envoy accepts certificates that anybody signed: whoever connects chooses the name, and with it the rights",
                "set VerifyIfGiven, or RequireAndVerify",
            ));
        }
        let anchors = ["caCertificateRefs", "certificateHashes"];
        let trusts = anchors.iter().any(|name| !validation.list(name).is_empty());
        (!trusts).then(|| {
            Problem::new(
                rules::CERTIFICATE_UNVERIFIED,
                &validation,
                "caCertificateRefs is not set, so nobody verifies who signed a certificate",
                "set caCertificateRefs to the authority of your callers",
            )
        })
    }
}

/// Complaints about the providers whose claims are read, or that there are none.
fn of_providers<'a>(
    providers: Vec<Place<'a>>,
    is_read: impl Fn(&Place<'a>) -> bool,
    place: &Place<'a>,
    (config, jwt): (&Config, &Jwt),
    writes: &str,
    locations: &dyn Fn(&Place<'a>) -> Locations<'a>,
) -> Vec<Problem<'a>> {
    let read: Vec<Place<'a>> = providers.into_iter().filter(is_read).collect();
    if read.is_empty() {
        return vec![Problem::new(
            rules::JWT_METADATA_KEY,
            &place.at_or_self(&["metadata_key"]),
            format!(
                "claims are under {writes}, and not under {}: the filter refuses every token",
                jwt.metadata_key.join(" or ")
            ),
            format!("set jwt.metadata_key to {writes}"),
        )];
    }
    let complaints = read
        .iter()
        .flat_map(|provider| of_provider(provider, &locations(provider), config));
    complaints
        .map(|it| Problem::new(it.rule, &it.place, it.problem, it.remedy))
        .collect()
}

/// The policy that is attached most closely, which takes the place of the others; or one of which that is not known.
fn closest<'p, 'a>(
    policies: &'p [Object<'a>],
    listener: &Listener<'_>,
) -> Result<Option<&'p Object<'a>>, &'p Object<'a>> {
    let mut closest = None;
    for policy in policies {
        match attachment(policy, listener) {
            Attachment::To(level) => {
                if closest.is_none_or(|(best, _)| level > best) {
                    closest = Some((level, policy));
                }
            }
            Attachment::CannotTell => return Err(policy),
            Attachment::None => {}
        }
    }
    Ok(closest.map(|(_, policy)| policy))
}

/// What servers of an Istio `Gateway` for these hosts ask of clients.
fn certificates_of_servers<'a>(gateway: &Object<'a>, hosts: &[String]) -> Vec<Problem<'a>> {
    let servers = gateway.spec.list("servers").into_iter();
    let ours = servers.filter(|server| {
        let redirects = server
            .get("tls")
            .is_some_and(|tls| tls.is_true("httpsRedirect"));
        let names = server.texts("hosts");
        let names = names.iter().map(|name| match name.split_once('/') {
            Some((_, name)) => name.to_owned(),
            None => name.clone(),
        });
        !redirects && in_common(&names.collect::<Vec<_>>(), hosts).is_some()
    });
    let silent = ours.filter(|server| {
        let mode = server.at(&["tls", "mode"]);
        let mode = mode.as_ref().and_then(Place::text).unwrap_or_default();
        !["MUTUAL", "OPTIONAL_MUTUAL", "ISTIO_MUTUAL"].contains(&mode)
    });
    silent
        .map(|server| {
            Problem::new(
                rules::CERTIFICATE_NOT_ASKED,
                &server.at_or_self(&["tls", "mode"]),
                "the server asks for no client certificate, so no caller has a name",
                "set tls.mode to MUTUAL, or to OPTIONAL_MUTUAL where callers may also present keys or tokens",
            )
        })
        .collect()
}
