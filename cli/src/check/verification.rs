//! What a provider of tokens must say, whichever proxy or control plane reads it: Envoy's `JwtProvider`, a rule of
//! Istio's `RequestAuthentication`, a provider of Envoy Gateway's `SecurityPolicy`.

use mlflow_authz::Config;
use mlflow_authz::config::CredentialKind;
use mlflow_authz::request::same_header;

use super::place::Place;
use super::rules::{self, Rule};

/// What is wrong with a provider.
pub struct Complaint<'a> {
    pub rule: Rule,
    pub place: Place<'a>,
    pub problem: &'static str,
    pub remedy: &'static str,
}

/// Where a provider finds tokens: what its lists are called.
pub struct Locations<'a> {
    /// What holds the lists; the provider itself where that is not there.
    pub holder: Option<Place<'a>>,
    pub headers: &'static str,
    pub params: &'static str,
    pub cookies: &'static str,
}

const SET_HEADERS: &str =
    "list Authorization with the prefix \"Bearer \", and nothing else, as the place of tokens";

/// Complaints about one provider whose claims the filter reads.
pub fn of_provider<'a>(
    provider: &Place<'a>,
    locations: &Locations<'a>,
    config: &Config,
) -> Vec<Complaint<'a>> {
    let mut found = Vec::new();
    let mut add = |rule, place: &Place<'a>, problem, remedy| {
        found.push(Complaint {
            rule,
            place: place.clone(),
            problem,
            remedy,
        });
    };
    if provider.list("audiences").is_empty() {
        add(
            rules::JWT_AUDIENCES,
            provider,
            "no audience is required: a token that the issuer made for any other application is accepted",
            "list MLflow's audience in audiences",
        );
    }
    let key_set = provider
        .get("jwksUri")
        .or_else(|| provider.at(&["remoteJWKS", "uri"]));
    let is_plain = |uri: &Place<'_>| uri.text().is_some_and(|it| it.starts_with("http://"));
    if let Some(place) = key_set.filter(is_plain) {
        add(
            rules::JWKS_UNVERIFIED,
            &place,
            "the key set comes in plain text: whoever can replace it on its way can sign tokens for any caller",
            "fetch it by https",
        );
    }
    let list = |name: &str| {
        let holder = locations.holder.as_ref();
        holder.and_then(|holder| Some((holder.get(name)?, holder.list(name))))
    };
    let listed = |name: &str| list(name).filter(|(_, items)| !items.is_empty());
    let params = listed(locations.params);
    let cookies = listed(locations.cookies);
    if let Some((place, _)) = &params {
        add(
            rules::JWT_LOCATIONS,
            place,
            "tokens are taken from URLs, which clients, proxies and browsers write into their logs and histories",
            SET_HEADERS,
        );
    }
    if let Some((place, _)) = &cookies {
        add(
            rules::JWT_LOCATIONS,
            place,
            "tokens are taken from cookies, which a browser adds to requests that other pages cause, and which Envoy \
             forwards to MLflow",
            SET_HEADERS,
        );
    }
    let headers = listed(locations.headers);
    if config.has_keys() || config.mtls.is_some() {
        let unread = |(list, items): &(Place<'a>, Vec<Place<'a>>),
                      is_read: &dyn Fn(&str) -> bool| {
            let is_unread = |item: &Place<'_>| {
                let name = item.text().or_else(|| item.text_of("name"));
                !is_read(name.unwrap_or_default())
            };
            items.iter().any(is_unread).then(|| list.clone())
        };
        let in_header = |name: &str| is_header_of_keys(config, name);
        let in_query =
            |name: &str| name == "api_key" && config.credentials.contains(&CredentialKind::Query);
        let elsewhere = headers
            .as_ref()
            .and_then(|it| unread(it, &in_header))
            .or_else(|| unread(params.as_ref()?, &in_query))
            .or_else(|| unread(cookies.as_ref()?, &|_| false));
        // Without a list Envoy takes the parameter access_token, too.
        let is_default = params.is_none() && cookies.is_none() && headers.is_none();
        if let Some(place) = elsewhere.or_else(|| is_default.then(|| provider.clone())) {
            add(
                rules::JWT_PASSED_OVER,
                &place,
                "tokens are taken from a place where the filter looks for no credential: beside a bad token there it \
                 decides by the API key or the client certificate of the request, and not by 401",
                SET_HEADERS,
            );
        }
    }
    if params.is_none() && cookies.is_none() && headers.is_none() {
        add(
            rules::JWT_LOCATIONS,
            provider,
            "tokens are also taken from ?access_token=, which clients, proxies and browsers write into their logs and \
             histories",
            SET_HEADERS,
        );
    }
    found
}

/// Whether a credential in this header is one to the filter, so that a bad token in it is 401.
fn is_header_of_keys(config: &Config, name: &str) -> bool {
    let takes = |kind| config.credentials.contains(&kind);
    let is = |other: &str| same_header(other.as_bytes(), name.as_bytes());
    is("authorization") && (takes(CredentialKind::Bearer) || takes(CredentialKind::Basic))
        || is("x-api-key") && takes(CredentialKind::XApiKey)
}
