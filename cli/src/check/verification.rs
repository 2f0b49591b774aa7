//! What a provider of tokens must say, whichever proxy or control plane reads it: Envoy's `JwtProvider`, a rule of
//! Istio's `RequestAuthentication`, a provider of Envoy Gateway's `SecurityPolicy`.

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
pub fn of_provider<'a>(provider: &Place<'a>, locations: &Locations<'a>) -> Vec<Complaint<'a>> {
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
            "the key set comes in plain text: whoever hands over another one signs tokens of any caller",
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
    if params.is_none() && cookies.is_none() && listed(locations.headers).is_none() {
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
