//! Limits where the configuration names their places, one of them, or none.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::{LimitPlaces, Pair, Said, USUAL};
use crate::pointer::Pointers;

const NONE: Pair<Option<&str>> = [None, None];
const BOTH: Pair<Option<&str>> = [Some("/ws"), Some("/w")];
const LIST: Pair<Option<&str>> = [Some("/ws"), None];
const PIN: Pair<Option<&str>> = [None, Some("/w")];
const NOWHERE: Pair<Option<&str>> = [Some(""), Some("")];

/// Reads `place=value` words; a value with a comma behind it is a list.
fn read(named: Pair<Option<&str>>, is_admin: bool, words: &str) -> (Said, bool, Vec<String>) {
    let document: BTreeMap<&str, &str> = words
        .split_whitespace()
        .filter_map(|it| it.split_once('='))
        .collect();
    let pointers = named.map(|it| it.map(|it| it.split_whitespace().collect::<Pointers>()));
    let [list, one] = &pointers;
    let places = LimitPlaces::new(
        [list.as_ref(), one.as_ref()],
        &[USUAL, ["/user/workspaces", "/user/workspace"]],
    );
    let mut asked = Vec::new();
    let stated = places.read(is_admin, |pair| {
        let mut values = pair.iter().map(|pointers| {
            pointers
                .first(|it| {
                    asked.push(it.to_string());
                    Ok::<_, Infallible>(document.get(it.as_str()).copied())
                })
                .unwrap_or_default()
        });
        let list = values.next().flatten();
        let one = values.next().flatten();
        let list = list.map(|it| it.split_terminator(',').map(str::to_owned).collect());
        Ok::<_, Infallible>((list, one.map(str::to_owned)))
    });
    let Ok(stated) = stated;
    (stated.said, stated.is_missing, asked)
}

fn said(list: Option<&[&str]>, one: Option<&str>) -> Said {
    let list = list.map(|all| all.iter().map(|it| (*it).to_owned()).collect());
    (list, one.map(str::to_owned))
}

#[test]
fn a_limit_in_a_usual_place_counts_although_nobody_names_it() {
    for (named, is_admin, words, list, one) in [
        (NONE, false, "", None, None),
        (NONE, false, "/workspaces=acme", Some(&["acme"][..]), None),
        (NONE, true, "/workspaces=acme", Some(&["acme"]), None),
        (NONE, false, "/workspace=acme", None, Some("acme")),
        (
            NONE,
            false,
            "/workspaces=acme,beta /workspace=acme",
            Some(&["acme", "beta"]),
            Some("acme"),
        ),
        (NONE, false, "/user/workspace=acme", None, Some("acme")),
        // The key's own limit counts, and is not widened by the user's.
        (
            NONE,
            false,
            "/workspace=acme /user/workspaces=*",
            None,
            Some("acme"),
        ),
        (
            NOWHERE,
            false,
            "/workspaces=acme /user/workspace=b",
            None,
            None,
        ),
    ] {
        let (found, is_missing, _) = read(named, is_admin, words);
        assert_eq!(found, said(list, one), "{named:?} {words}");
        assert!(!is_missing, "{named:?} {words}");
    }
}

#[test]
fn what_is_not_named_takes_rights_away_and_gives_none() {
    for (named, is_admin, words, list, one, is_missing) in [
        (
            BOTH,
            false,
            "/ws=acme /workspaces=*",
            Some(&["acme"][..]),
            None,
            false,
        ),
        (
            BOTH,
            false,
            "/workspaces=* /workspace=acme",
            Some(&[]),
            None,
            true,
        ),
        (BOTH, true, "/workspaces=acme", None, None, false),
        (
            LIST,
            false,
            "/ws=acme /workspace=beta",
            Some(&["acme"]),
            None,
            false,
        ),
        (LIST, false, "/workspace=acme", Some(&[]), None, true),
        (LIST, true, "/workspace=acme", None, Some("acme"), false),
        (PIN, false, "/w=acme", None, Some("acme"), false),
        (
            PIN,
            false,
            "/w=acme /workspaces=a*",
            None,
            Some("acme"),
            false,
        ),
        (
            PIN,
            false,
            "/w=acme /workspaces=beta",
            Some(&[]),
            None,
            false,
        ),
        (
            PIN,
            false,
            "/w=acme /user/workspaces=beta",
            Some(&[]),
            None,
            false,
        ),
        (PIN, false, "/workspaces=*", Some(&[]), None, true),
        (PIN, true, "/workspaces=acme", Some(&["acme"]), None, false),
    ] {
        let (found, missing, _) = read(named, is_admin, words);
        assert_eq!(found, said(list, one), "{named:?} {words}");
        assert_eq!(missing, is_missing, "{named:?} {words}");
    }
}

/// Each place of a claim is a call of the host.
#[test]
fn a_place_is_read_only_where_it_can_count() {
    for (named, words, expected) in [
        (BOTH, "/ws=acme", "/ws /w"),
        (BOTH, "", "/ws /w"),
        (PIN, "", "/w"),
        (NONE, "/workspaces=acme", "/workspaces /workspace"),
        (
            NONE,
            "",
            "/workspaces /workspace /user/workspaces /user/workspace",
        ),
        (NOWHERE, "", ""),
    ] {
        let (_, _, asked) = read(named, false, words);
        assert_eq!(asked.join(" "), expected, "{named:?} {words}");
    }
}
