"""Readings of a request that are weaker than the server's: a comparison that is any good finds each."""

import re
from dataclasses import replace

from .compare import Spelling, routes
from .spellings import Spellings


def slash_in_a_name(spelling: Spelling) -> Spelling:
    """Takes an escaped slash for a part of a name, as a filter would that matches before it decodes."""
    return replace(spelling, target=re.sub("%2[fF]", "-", spelling.target))


def no_escapes(spelling: Spelling) -> Spelling:
    """Does not decode letters."""
    return replace(spelling, target=spelling.target.replace("%", "_"))


def merged_slashes(spelling: Spelling) -> Spelling:
    """Takes `//api/…` for another path than `/api/…`."""
    return replace(spelling, target=re.sub("^//+", "/x/", spelling.target))


def upper_case(spelling: Spelling) -> Spelling:
    """Takes any method that it does not know for GET."""
    return replace(spelling, method=spelling.method if spelling.method.isupper() else "GET")


def newline_kept(spelling: Spelling) -> Spelling:
    """Sees nothing special in a newline at the end, which starlette's patterns let pass."""
    return replace(spelling, target=re.sub("(%0[aA])+$", "/x", spelling.target))


WEAK = {
    "escaped slashes": slash_in_a_name,
    "escaped letters": no_escapes,
    "leading slashes": merged_slashes,
    "method's case": upper_case,
    "newline": newline_kept,
}


def aimed(name: str, seed: int) -> list[Spelling]:
    """Spellings of the kind that a weakness is about, of routes where it matters."""
    spellings = Spellings([r for r in routes() if not r["auth_plugin"] or "users" in r["path"]], seed)
    made = []
    for route in spellings.routes:
        path, method = spellings.fill(route["path"]), route["methods"][0]
        if name == "escaped slashes":
            path = path[:1] + path[1:].replace("/", "%2F")
        elif name == "escaped letters":
            path = spellings.encode(path, "abcdefghijklmnopqrstuvwxyz", 1)
        elif name == "leading slashes":
            path = "//" + path
        elif name == "method's case":
            method = method.lower()
        elif name == "newline":
            path += "%0a"
        made.append(Spelling(method, path, (), (name,)))
    return made
