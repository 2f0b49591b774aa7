//! Which ways to MLflow the filter does not decide about.

use std::collections::BTreeSet;

use mlflow_authz::Config;
use mlflow_authz::config::Outside;

use super::super::super::finding::Findings;
use super::super::super::place::Place;
use super::super::super::rules::{self, Rule};
use super::super::headers;
use super::super::mlflow::{Lead, Mlflow};
use super::matcher::{Beyond, PathRule};
use super::{Forward, Host, Route, hosts, repeats, rewrite};

const UNDECIDED: &str = "without a decision";
const REFUSED: &str = "at paths that the filter refuses, as long as `outside` is \"refuse\"";

const REMEDY: &str =
    "let the filter decide (`public` opens endpoints that need no key), or remove the route";

/// Checks every way through a virtual host.
pub fn check(findings: &mut Findings, host: &Host<'_, '_>, mlflow: &Mlflow<'_, '_>) {
    for route in &host.routes {
        for forward in &route.forwards {
            let way = Way {
                host,
                route,
                forward,
                lead: mlflow.lead(forward.target),
            };
            way.check(findings);
        }
        for mirror in &route.mirrors {
            mlflow
                .lead(mirror.target)
                .tell_mirror(findings, &mirror.place);
        }
        on_identity(findings, host, route);
    }
}

struct Way<'h, 'a, 'm> {
    host: &'h Host<'a, 'm>,
    route: &'h Route<'a, 'm>,
    forward: &'h Forward<'a, 'm>,
    lead: Lead,
}

impl Way<'_, '_, '_> {
    fn check(&self, findings: &mut Findings) {
        if self.lead == Lead::Elsewhere {
            return;
        }
        if !self.forward.decided {
            self.tell(
                findings,
                rules::AROUND_FILTER,
                UNDECIDED,
                self.undecided(),
                REMEDY,
            );
            return;
        }
        if matches!(self.route.matcher.path, PathRule::Connect) {
            let why = "a CONNECT request has no path to decide about, and may open a connection of its own";
            self.tell(
                findings,
                rules::AROUND_FILTER,
                UNDECIDED,
                why,
                "remove the route",
            );
            return;
        }
        if !self.forward.configs.is_empty() {
            for domain in &self.host.domains {
                self.domain(findings, domain);
            }
        }
        if matches!(self.lead, Lead::Mlflow(_)) {
            self.changed(findings);
        }
    }

    fn undecided(&self) -> &'static str {
        if self.host.manager.instances().next().is_some() {
            "the filter is disabled here"
        } else if self.host.manager.upgrade.is_some() {
            "upgrade_configs has filters of its own, and the filter is not among them"
        } else {
            "this listener does not run the filter"
        }
    }

    /// A finding about requests that reach MLflow, or may.
    fn tell(&self, findings: &mut Findings, rule: Rule, how: &str, why: &str, remedy: &str) {
        let at = (rule, &self.forward.place);
        self.lead
            .tell(findings, at, "requests", &format!("{how}: {why}"), remedy);
    }

    /// A domain of the virtual host, and the instances that count it as MLflow's.
    fn domain(&self, findings: &mut Findings, domain: &str) {
        let configs = self.forward.configs.iter().copied();
        let own: Vec<&Config> = configs
            .filter(|config| hosts::owns(config, domain))
            .collect();
        if own.is_empty() {
            let why = format!(
                "the filter's `hosts` do not cover {domain}, a domain of this virtual host"
            );
            let remedy = "name the host in `hosts`, or let this virtual host serve only hosts that are named there";
            self.tell(findings, rules::OUTSIDE_HOSTS, UNDECIDED, &why, remedy);
            return;
        }
        self.outside(findings, &own);
    }

    fn outside(&self, findings: &mut Findings, own: &[&Config]) {
        let mounts: BTreeSet<&str> = own
            .iter()
            .flat_map(|config| config.mounts.iter().map(String::as_str))
            .collect();
        let forwards = own.iter().all(|config| config.outside == Outside::Forward);
        let (rule, how) = if forwards {
            (rules::OUTSIDE_FORWARDED, UNDECIDED)
        } else {
            (rules::OUTSIDE_MOUNTS, REFUSED)
        };
        let listed = || mounts.iter().copied().collect::<Vec<_>>().join(", ");
        let place = &self.route.place;
        let parameters = "ignore_path_parameters_in_path_matching";
        if self.host.table.is_true(parameters) && !mounts.contains("/") {
            let why = "the route ignores what follows a semicolon in a segment, and the filter does not, so \
                       /api;x/… is outside its mounts";
            self.tell(findings, rule, how, why, &format!("remove {parameters}"));
        }
        match self.route.matcher.outside(&mounts) {
            Beyond::Nothing => {}
            Beyond::NextSegment(mount) if self.is_rewritten() => findings.add(
                rules::ROUTE_PREFIX,
                place,
                format!(
                    "prefix {mount} without a final slash also matches {mount}api/…, which lies outside the mount and \
                     becomes /api/… after the rewrite"
                ),
                format!("match prefix {mount}/ , or path_separated_prefix {mount}"),
            ),
            Beyond::OtherCase => {
                let why = "case_sensitive is false, so the route also takes other spellings of the mount, which are \
                           outside it";
                self.tell(findings, rules::PATH_CASE, how, why, "remove case_sensitive");
            }
            Beyond::NextSegment(_) | Beyond::Some => {
                let why = format!("the route also takes paths outside the filter's mounts ({})", listed());
                let remedy = "mount \"/\" too (under --static-prefix MLflow still serves artifacts at its root), or close \
                              the route";
                self.tell(findings, rule, how, &why, remedy);
            }
            Beyond::CannotTell => findings.add(
                rules::CANNOT_TELL,
                place,
                format!(
                    "check cannot tell whether this route takes only paths below the filter's mounts ({}), and nothing \
                     is decided about others",
                    listed()
                ),
                "match by prefix, or start the pattern with the mount and a slash",
            ),
        }
    }

    fn is_rewritten(&self) -> bool {
        let action = self.route.place.get("route");
        action.is_some_and(|action| rewrite::is_there(&action))
    }

    /// What MLflow gets must be what was decided about, once, with the filter's headers.
    fn changed(&self, findings: &mut Findings) {
        let owned = headers::owned(self.host.manager);
        let mut levels: Vec<&Place<'_>> =
            vec![&self.host.table, &self.host.place, &self.route.place];
        levels.push(&self.forward.place);
        for level in levels {
            headers::added(findings, level, &owned);
            headers::removed(findings, level, self.host.manager);
        }
        repeats::check(findings, &self.host.place);
        let Some(action) = self.route.place.get("route") else {
            return;
        };
        repeats::check(findings, &action);
        let mounts = self.forward.mounts();
        if let Some(rewrite) = rewrite::unjudged(&action, &self.route.matcher, &mounts) {
            findings.add(
                rules::REWRITE,
                &rewrite.place,
                rewrite.why,
                "replace the mount by / (prefix /api/mlflow/ becomes prefix_rewrite /), or by MLflow's --static-prefix",
            );
        }
        for upgrade in action.list("upgrade_configs") {
            if let Some(connect) = upgrade.get("connect_config") {
                findings.add(
                    rules::AROUND_FILTER,
                    &connect,
                    "Envoy hands what follows to MLflow as a connection of its own, in which nothing is decided",
                    "remove connect_config",
                );
            }
        }
        for (name, why) in UNFOLLOWED {
            if let Some(field) = action.get(name) {
                findings.add(rules::CANNOT_TELL, &field, *why, format!("remove {name}"));
            }
        }
    }
}

/// Fields of an action whose effect on what MLflow gets is not followed.
const UNFOLLOWED: &[(&str, &str)] = &[
    ("host_rewrite_header", HOST),
    ("host_rewrite_path_regex", HOST),
    ("internal_redirect_policy", REDIRECT),
    ("internal_redirect_action", REDIRECT),
    ("max_internal_redirects", REDIRECT),
];
const HOST: &str = "the client writes the host that MLflow gets, so check cannot tell whether MLflow's own check of hosts \
                    (--allowed-hosts) still means anything";
const REDIRECT: &str =
    "Envoy follows redirects of MLflow itself, so check cannot tell which requests MLflow gets";

/// Routes are chosen again after the filter has written its headers.
fn on_identity(findings: &mut Findings, host: &Host<'_, '_>, route: &Route<'_, '_>) {
    for condition in route.place.list_at(&["match", "headers"]) {
        let Some(name) = condition.text_of("name") else {
            continue;
        };
        if headers::is_identity(name, host.manager) {
            findings.add(
                rules::ROUTE_ON_IDENTITY,
                &condition,
                format!(
                    "matches on {name}, which the client controls until the filter has decided"
                ),
                "choose routes by path, method or host",
            );
        }
    }
}
