//! The rules: each way to MLflow goes through one instance of the filter, inside a mount, and nothing on it says more
//! than the filter.

use mlflow_authz::Config;
use mlflow_authz::config::Outside;

use super::super::finding::Findings;
use super::super::headers;
use super::super::hosts;
use super::super::place::Place;
use super::super::rules::{self, Rule};
use super::coverage::{Coverage, Instance};
use super::endpoint::{Endpoint, Sameness, compare};
use super::object::Object;
use super::path::{Agreement, Fit};
use super::problem::Problem;
use super::reach;
use super::unrouted;
use super::verification::Verifiers;
use super::way::{Layer, Way};

/// Checks every way; `policies` are all `EnvoyExtensionPolicy`s. Returns where the mounts lead, which is MLflow.
pub fn check<'a>(
    findings: &mut Findings,
    ways: &[Way<'a>],
    instances: &[Instance<'a>],
    policies: &[Object<'_>],
    verifiers: &Verifiers<'a>,
) -> Vec<Endpoint> {
    let mut mlflow: Vec<Endpoint> = Vec::new();
    for instance in instances {
        let reach = reach::of_instance(instance, ways, policies);
        unrouted::check(findings, instance, ways, &reach);
        mlflow.extend(reach.mlflow);
    }
    for way in ways {
        let ends = way
            .destinations
            .iter()
            .map(|end| (compare(&end.known_as, &mlflow), end));
        let Some((sameness, end)) = ends.max_by_key(|(sameness, _)| *sameness) else {
            continue;
        };
        let problems = match sameness {
            Sameness::No => continue,
            Sameness::Same | Sameness::CannotTell => problems(way, instances, policies, verifiers),
        };
        if sameness == Sameness::CannotTell {
            if let Some(first) = problems.first() {
                findings.add(
                    rules::CANNOT_TELL,
                    &end.place,
                    format!(
                        "cannot tell whether this is MLflow; if it is: {}",
                        first.text
                    ),
                    "give the Service or Backend that it names to check as well",
                );
            }
            continue;
        }
        mirrors(findings, way, &mlflow);
        for problem in problems {
            findings.add(problem.rule, &problem.place, problem.text, problem.remedy);
        }
    }
    mlflow
}

fn problems<'a>(
    way: &Way<'a>,
    instances: &[Instance<'a>],
    policies: &[Object<'_>],
    verifiers: &Verifiers<'a>,
) -> Vec<Problem<'a>> {
    if let Layer::Without(why) = way.layer {
        return vec![Problem::new(
            rules::AROUND_FILTER,
            &way.place,
            format!("requests reach MLflow without a decision: {why}"),
            "remove it, or let it lead to the gateway that runs the filter",
        )];
    }
    let coverages: Vec<(&Instance<'a>, Coverage)> = instances
        .iter()
        .map(|instance| (instance, instance.coverage(&way.entry, policies)))
        .collect();
    let mut found: Vec<Problem<'a>> = not_one_instance(way, &coverages).into_iter().collect();
    found.extend(settings(way));
    let may_run = coverages
        .iter()
        .filter(|(_, coverage)| !matches!(coverage, Coverage::Absent(_)));
    let configured = may_run.filter_map(|(it, _)| Some((*it, it.config.as_ref()?)));
    for (instance, config) in configured {
        found.extend(path(way, config));
        found.extend(names(way, config));
        found.extend(writes(way, config));
        found.extend(verifiers.problems(way, instance, config));
    }
    found
}

/// Where not exactly one instance of the filter runs on a way.
fn not_one_instance<'a>(
    way: &Way<'a>,
    coverages: &[(&Instance<'_>, Coverage)],
) -> Option<Problem<'a>> {
    let running: Vec<String> = coverages
        .iter()
        .filter(|(_, coverage)| *coverage == Coverage::Runs)
        .map(|(instance, _)| instance.object.title())
        .collect();
    match running.len() {
        0 => Some(no_instance(way, coverages)),
        1 => None,
        several => Some(Problem::new(
            rules::FILTER_TWICE,
            &way.place,
            format!(
                "{several} instances of the filter run on this route: {}",
                running.join(" and ")
            ),
            "apply one of them: the second reads what the first has written",
        )),
    }
}

fn no_instance<'a>(way: &Way<'a>, coverages: &[(&Instance<'_>, Coverage)]) -> Problem<'a> {
    let entry = way.entry.title();
    let mut unknown = coverages.iter().filter_map(|(_, coverage)| match coverage {
        Coverage::CannotTell(why) => Some(why),
        _ => None,
    });
    let mut absent = coverages.iter().filter_map(|(_, coverage)| match coverage {
        Coverage::Absent(why) => Some(why.as_str()),
        _ => None,
    });
    let (rule, text) = match unknown.next() {
        Some(why) => (
            rules::CANNOT_TELL,
            format!("cannot tell whether the filter runs at {entry}: {why}"),
        ),
        None => (
            rules::AROUND_FILTER,
            format!(
                "requests reach MLflow through {entry} without a decision: {}",
                absent.next().unwrap_or_default()
            ),
        ),
    };
    Problem::new(
        rule,
        &way.place,
        text,
        "attach the filter to the gateway that serves MLflow, and give that gateway to check",
    )
}

/// What a listener and a route do to requests, whatever the filter's configuration.
fn settings<'a>(way: &Way<'a>) -> Vec<Problem<'a>> {
    let settings = &way.settings;
    let plain = settings.plain.iter().map(|place| {
        Problem::new(
            rules::LISTENER_PLAIN_TEXT,
            place,
            "API keys travel to this listener in plain text",
            "give it a certificate, or let it redirect to HTTPS alone",
        )
    });
    let unproven = settings.unproven.iter().map(|(place, why)| {
        Problem::new(
            rules::CANNOT_TELL,
            place,
            format!("cannot tell whether the filter decides: {why}"),
            "remove it from MLflow's routes",
        )
    });
    let retries = settings.retries.iter().map(|place| {
        Problem::new(
            rules::RETRIES,
            place,
            "requests are repeated, and MLflow's writes cannot be repeated safely: its client retries by itself",
            "switch retries off for this route (Istio: retries: { attempts: 0 })",
        )
    });
    let time_limit = settings.time_limit.iter().map(|(place, limit)| {
        Problem::new(
            rules::TIME_LIMIT,
            place,
            format!("{limit}, and uploads of models are long and large"),
            "set the route's timeout to 0s, which is no limit, and buffer no requests",
        )
    });
    plain
        .chain(unproven)
        .chain(retries)
        .chain(time_limit)
        .collect()
}

fn path<'a>(way: &Way<'a>, config: &Config) -> Vec<Problem<'a>> {
    let mounts = &config.mounts;
    let listed = mounts.join(", ");
    let mut found = Vec::new();
    let mut add = |rule: Rule, place: &Place<'a>, text: String, remedy: String| {
        found.push(Problem::new(rule, place, text, remedy));
    };
    match way.path.fit(mounts) {
        Fit::Inside => {}
        Fit::MissingSlash(mount) => add(
            rules::ROUTE_PREFIX,
            &way.place,
            format!("prefix {mount} without a final slash also matches {mount}X, which lies outside the mount"),
            format!("match prefix {mount}/ and exact {mount}"),
        ),
        Fit::Outside if config.outside == Outside::Forward => add(
            rules::OUTSIDE_FORWARDED,
            &way.place,
            format!(
                "{} leads to MLflow, outside the filter's mounts ({listed}): these requests are forwarded without a decision",
                way.path.title()
            ),
            "set \"outside\" to \"refuse\", close the route, or add the path at which it serves MLflow's root to mounts"
                .to_owned(),
        ),
        Fit::Outside => add(
            rules::OUTSIDE_MOUNTS,
            &way.place,
            format!("{} leads to MLflow, outside the filter's mounts ({listed}): the filter refuses these requests", way.path.title()),
            "close the route, or add the path at which it serves MLflow's root to mounts".to_owned(),
        ),
        Fit::CannotTell(why) => add(
            rules::CANNOT_TELL,
            &way.place,
            format!("cannot tell whether this route stays inside the filter's mounts ({listed}): {why}"),
            "match a prefix that ends in a slash, and the mount itself as an exact path".to_owned(),
        ),
    }
    if let Some(place) = way
        .any_case
        .as_ref()
        .filter(|_| !mounts.iter().any(|mount| mount == "/"))
    {
        add(
            rules::PATH_CASE,
            place,
            format!("the route ignores case, but mounts ({listed}) are compared literally"),
            "match the path with its case".to_owned(),
        );
    }
    match way.path.agreement(&way.rewrite, mounts) {
        Agreement::Agree => {}
        Agreement::StaticPrefix(prefix) => add(
            rules::CANNOT_TELL,
            &way.place,
            format!(
                "cannot tell whether MLflow reads the path that the filter decided about: the rewrite puts {prefix} before it"
            ),
            format!("rewrite to /, unless MLflow is started with --static-prefix {prefix}"),
        ),
        Agreement::Differ => add(
            rules::REWRITE,
            &way.place,
            "MLflow gets a different path from the one that the filter decided about".to_owned(),
            "rewrite the mount, and nothing else, to /".to_owned(),
        ),
    }
    found
}

fn names<'a>(way: &Way<'a>, config: &Config) -> Option<Problem<'a>> {
    let patterns = hosts::patterns(config);
    if patterns.is_empty() {
        return None;
    }
    let any = ["*".to_owned()];
    let called = if way.hosts.is_empty() {
        &any[..]
    } else {
        &way.hosts
    };
    let other = called
        .iter()
        .find(|host| !hosts::are_covered(patterns, host))?;
    Some(Problem::new(
        rules::OUTSIDE_HOSTS,
        &way.place,
        format!(
            "MLflow is also reached by the host {other}, which the plugin's `hosts` does not name: such requests are forwarded without a decision"
        ),
        "add it to hosts, or name in the route and its gateway only what hosts has",
    ))
}

fn writes<'a>(way: &Way<'a>, config: &Config) -> Vec<Problem<'a>> {
    let written = way.settings.writes.iter().filter_map(|(place, name)| {
        let role = headers::role(config, name)?;
        Some(Problem::new(
            rules::HEADER_WRITTEN,
            place,
            format!("writes {name}, {role}: only the filter may write it"),
            "remove it",
        ))
    });
    let by_identity = way
        .settings
        .chooses_by
        .iter()
        .filter(|(_, name)| headers::is_identity(config, name));
    let chosen = by_identity.map(|(place, name)| {
        Problem::new(
            rules::ROUTE_ON_IDENTITY,
            place,
            format!("matches on {name}, which the client controls until the filter has decided"),
            "choose routes by path, method or host",
        )
    });
    let removes = way.settings.removes.iter();
    let removed = removes.filter(|(_, name)| headers::is_needed(config, name));
    let removed = removed.map(|(place, _)| {
        let (problem, remedy) = headers::REMOVED;
        Problem::new(rules::HEADER_REMOVED, place, problem, remedy)
    });
    written.chain(removed).chain(chosen).collect()
}

fn mirrors(findings: &mut Findings, way: &Way<'_>, mlflow: &[Endpoint]) {
    for end in way.destinations.iter().filter(|end| end.is_mirror) {
        if compare(&end.known_as, mlflow) != Sameness::Same {
            findings.add(
                rules::MIRROR,
                &end.place,
                "a copy of every request goes to another server, with the caller's key where forward_credential is on",
                "remove the mirror from MLflow's routes",
            );
        }
    }
}
