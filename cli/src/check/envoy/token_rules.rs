//! For which requests `jwt_authn` verifies tokens, and whom it refuses by itself, before the filter sees the request.
//!
//! Envoy takes the first rule that matches. A rule without a requirement, and a request that no rule matches, mean that
//! nobody looks at tokens.

use mlflow_authz::Config;
use mlflow_authz::config::{Jwt, Mode};

use super::super::finding::Findings;
use super::super::place::{Place, Spot};
use super::super::rules;
use super::managers::{HttpFilter, Manager};
use super::plugins::Plugin;
use super::routes::matcher::Matcher;
use super::typed::{self, Typed};

const PER_ROUTE: &str = "filters.http.jwt_authn.v3.PerRouteConfig";

/// What a rule requires, as far as the claims are concerned that an instance reads.
#[derive(Debug, Default, Clone, Copy)]
struct Requirement {
    /// A provider among them writes those claims.
    verifies: bool,
    /// A request without a token passes.
    passes_without: bool,
}

/// Of a mount, by one `jwt_authn`.
enum Verified<'a> {
    /// Every request below it.
    All,
    /// It depends on more than the path.
    CannotTell(Place<'a>),
    /// Not every one, or none.
    NotAll,
}

/// Checks the rules of those that write the claims which an instance reads.
pub fn check(
    findings: &mut Findings,
    verifiers: &[&HttpFilter<'_>],
    plugin: &Plugin<'_>,
    manager: &Manager<'_>,
) {
    let Some((config, jwt)) = plugin
        .config
        .as_ref()
        .and_then(|config| Some((config, config.jwt.as_ref()?)))
    else {
        return;
    };
    let writers: Vec<&Typed<'_>> = verifiers
        .iter()
        .filter_map(|verifier| verifier.typed.as_ref())
        .filter(|typed| providers(typed, jwt).next().is_some())
        .collect();
    if writers.is_empty() {
        return;
    }
    for mount in &config.mounts {
        let verified: Vec<Verified<'_>> = writers
            .iter()
            .map(|typed| below(findings, typed, jwt, config, mount))
            .collect();
        uncovered(findings, &verified, plugin.field(&["jwt"]), mount);
    }
    by_route(findings, manager);
}

/// The names of the providers that write those claims.
fn providers<'a>(typed: &Typed<'a>, jwt: &Jwt) -> impl Iterator<Item = &'a str> {
    let providers = typed.body.get("providers");
    let providers: Vec<(&str, Place<'_>)> = providers.iter().flat_map(|it| it.fields()).collect();
    let writes = |provider: &Place<'_>| {
        let key = provider.text_of("payload_in_metadata");
        key.is_some_and(|key| jwt.metadata_key.iter().any(|it| it == key))
    };
    let ours: Vec<&str> = providers
        .into_iter()
        .filter(|(_, provider)| writes(provider))
        .map(|(name, _)| name)
        .collect();
    ours.into_iter()
}

/// What one `jwt_authn` does with requests below a mount.
fn below<'a>(
    findings: &mut Findings,
    typed: &Typed<'a>,
    jwt: &Jwt,
    config: &Config,
    mount: &str,
) -> Verified<'a> {
    let ours: Vec<&str> = providers(typed, jwt).collect();
    let (mut exempt, mut conditional) = (None, None);
    for rule in typed.body.list("rules") {
        let Some(matched) = rule.get("match") else {
            continue;
        };
        let matcher = Matcher::read(&matched);
        if !matcher.touches(mount) {
            continue;
        }
        let required = required(typed, &rule);
        let requirement = required.as_ref().map(|it| read(it, &ours));
        let requirement = requirement.unwrap_or_default();
        if let Some(place) = required.filter(|_| requirement.verifies) {
            refused_by_envoy(findings, &place, requirement, config);
        }
        if matcher.covers(mount) {
            return match (requirement.verifies, exempt, conditional) {
                (true, None, _) => Verified::All,
                (true, Some(place), _) | (false, _, Some(place)) => Verified::CannotTell(place),
                (false, _, None) => Verified::NotAll,
            };
        }
        if !requirement.verifies {
            exempt.get_or_insert(matched);
        } else if matcher.may_cover(mount) {
            conditional.get_or_insert(matched);
        }
    }
    conditional.map_or(Verified::NotAll, Verified::CannotTell)
}

/// The requirement of a rule, by itself or by its name.
fn required<'a>(typed: &Typed<'a>, rule: &Place<'a>) -> Option<Place<'a>> {
    let by_name = || {
        let name = rule.text_of("requirement_name")?;
        typed.body.get("requirement_map")?.get(name)
    };
    rule.get("requires").or_else(by_name)
}

fn read(requirement: &Place<'_>, ours: &[&str]) -> Requirement {
    let name = requirement.text_of("provider_name").or_else(|| {
        requirement
            .at(&["provider_and_audiences", "provider_name"])?
            .text()
    });
    if let Some(name) = name {
        return Requirement {
            verifies: ours.contains(&name),
            passes_without: false,
        };
    }
    let passes = ["allow_missing", "allow_missing_or_failed"];
    if passes.iter().any(|name| requirement.get(name).is_some()) {
        return Requirement {
            // Envoy verifies what any provider of the filter finds.
            verifies: !ours.is_empty(),
            passes_without: true,
        };
    }
    let of = |name: &str| {
        let requirements = requirement.list_at(&[name, "requirements"]);
        let read: Vec<Requirement> = requirements.iter().map(|it| read(it, ours)).collect();
        (!read.is_empty()).then_some(read)
    };
    let any = of("requires_any").map(|of| (of.iter().any(|it| it.passes_without), of));
    let all = || of("requires_all").map(|of| (of.iter().all(|it| it.passes_without), of));
    let Some((passes_without, of)) = any.or_else(all) else {
        return Requirement::default();
    };
    Requirement {
        verifies: of.iter().any(|it| it.verifies),
        passes_without,
    }
}

/// Where callers may present something else than a token, or nobody is to be refused.
fn refused_by_envoy(
    findings: &mut Findings,
    place: &Place<'_>,
    requirement: Requirement,
    config: &Config,
) {
    if requirement.passes_without {
        return;
    }
    let who = match (config.has_keys(), config.mtls.is_some()) {
        (true, true) => "API keys and client certificates are",
        (true, false) => "API keys are",
        (false, true) => "client certificates are",
        (false, false) if config.mode == Mode::Shadow => {
            "callers without a token are, in shadow mode too,"
        }
        (false, false) => return,
    };
    findings.add(
        rules::JWT_REQUIRED,
        place,
        format!("{who} refused by Envoy before the filter: this rule requires a token, so Envoy answers 401 without one"),
        "put allow_missing_or_failed beside the provider in requires_any, as envoy/examples/jwt.yaml has it",
    );
}

fn uncovered(findings: &mut Findings, verified: &[Verified<'_>], jwt: Spot, mount: &str) {
    if verified.iter().any(|it| matches!(it, Verified::All)) {
        return;
    }
    let place = verified.iter().find_map(|it| match it {
        Verified::CannotTell(place) => Some(place),
        _ => None,
    });
    match place {
        Some(place) => findings.add(
            rules::CANNOT_TELL,
            place,
            format!(
                "this rule is for some requests below the mount {mount}, so check cannot tell for which of them nobody \
                 verifies tokens; the filter answers 401 to those tokens"
            ),
            "let one rule match the whole mount by its prefix",
        ),
        None => findings.add_at(
            rules::JWT_UNVERIFIED,
            jwt,
            format!(
                "no rule of jwt_authn requires a provider of these claims for every request below the mount {mount}: \
                 nobody verifies tokens there, and the filter answers 401 to them"
            ),
            "let a rule match the mount by its prefix, and require the provider, as envoy/examples/jwt.yaml has it",
        ),
    }
}

/// What routes say in place of the rules.
fn by_route(findings: &mut Findings, manager: &Manager<'_>) {
    let overrides = manager.tables.iter().flat_map(typed::overrides);
    for (_, place) in overrides {
        if Typed::read(&place).is_some_and(|typed| typed.is(PER_ROUTE)) {
            findings.add(
                rules::CANNOT_TELL,
                &place,
                "this replaces the rules of jwt_authn for a route, so check cannot tell whether tokens are verified there",
                "remove it, and write it as a rule of jwt_authn",
            );
        }
    }
}
