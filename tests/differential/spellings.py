"""Requests that look like MLflow's, but are spelled as nobody should spell them.

`Spellings(routes, seed)` draws a route of the server, fills its parameters, and mutates what comes out, none
to three times. The same seed gives the same requests. Text stands for bytes (Latin-1), so that a spelling
can hold any byte; an octet that no request line can hold ends up in the parsers of both sides as it is.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .pieces import (
    ALSO_LEGAL,
    CONTROLS,
    DOTS,
    ENDINGS,
    ESCAPED_ESCAPES,
    FILES,
    FRAGMENTS,
    IDS,
    LOOKALIKES,
    METHODS,
    NOT_ESCAPES,
    NOT_UTF8,
    ODD_METHODS,
    ORIGINS,
    OVERLONG,
    PARAMETERS,
    PREFIXES,
    QUERIES,
    RAW,
    SLASHES,
    STARTS,
    VERSIONS,
    WORDS,
)

Header = tuple[str, str]
Mutation = Callable[["Spellings", str], str]

_PARAMETER = re.compile(r"\{(\*?)(\w+)\}")


# Headers by which one request could become another, or that change how it is read.
ODD_HEADERS: list[list[Header]] = [
    [("X-HTTP-Method-Override", "DELETE")],
    [("X-HTTP-Method", "POST")],
    [("X-Method-Override", "GET")],
    [("X-Original-URL", "/api/2.0/mlflow/users/list")],
    [("X-Rewrite-URL", "/api/2.0/mlflow/runs/delete")],
    [("X-Forwarded-Prefix", "/api/2.0")],
    [("X-Forwarded-Path", "/version")],
    [("X-Forwarded-Host", "other.example"), ("X-Forwarded-Proto", "https")],
    [("SCRIPT_NAME", "/api")],
    [("Script-Name", "/api/2.0")],
    [("PATH_INFO", "/api/2.0/mlflow/users/list")],
    [("X-Script-Name", "/api")],
    [("Content-Type", "multipart/form-data; boundary=x")],
    [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "eA=="),
        ("Sec-WebSocket-Version", "13"),
    ],
    [("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "")],
    [("X-MLFLOW-WORKSPACE", "other")],
    [("Expect", "100-continue")],
]
PREFLIGHT: list[Header] = [("Origin", "http://localhost"), ("Access-Control-Request-Method", "DELETE")]


@dataclass(frozen=True)
class Spelling:
    """One request."""

    method: str
    target: str
    headers: tuple[Header, ...]
    mutations: tuple[str, ...]
    """How it came to be."""


class Spellings:
    """An endless sequence of requests."""

    def __init__(self, routes: list[dict[str, Any]], seed: int) -> None:
        self.random = random.Random(seed)
        self.routes = routes
        self.segments = sorted({s for route in routes for s in route["path"].split("/") if s and "{" not in s})

    def __iter__(self) -> Iterator[Spelling]:
        while True:
            yield self.draw()

    def draw(self, prefix: str = "") -> Spelling:
        """One request, below a prefix that is mutated too."""
        route = self.random.choice(self.routes)
        path = prefix + self.fill(route["path"])
        how = []
        for _ in range(self.random.choices([0, 1, 2, 3], [1, 10, 5, 2])[0]):
            name, mutate = self.random.choice(MUTATIONS)
            path = mutate(self, path)
            how.append(name)
        method, method_is = self.method(route["methods"])
        headers, headers_are = self.headers(method)
        if self.random.random() < 0.12:
            path += self.random.choice(QUERIES)
            how.append("query")
        how += [what for what in (method_is, headers_are) if what]
        # A line break would end the request line; every other byte is for the parsers to judge.
        target = re.sub(r"[\r\n]", "", path.encode().decode("latin-1") if _wide(path) else path)
        return Spelling(method, target, headers, tuple(how))

    def pick(self, words: list[str]) -> str:
        return self.random.choice(words)

    # --- the parts of a request ---

    def fill(self, template: str) -> str:
        """A template with something in each parameter, escaped as a client would."""

        def value(match: re.Match[str]) -> str:
            if match[1]:
                return "/".join(self.word() for _ in range(self.random.choice([1, 1, 2, 2, 3, 5])))
            return self.word()

        return _PARAMETER.sub(value, template)

    def word(self) -> str:
        """What stands in a parameter: an id, a file, or a word that is a static segment elsewhere."""
        kind = self.random.random()
        if kind < 0.4:
            return self.pick(WORDS if kind < 0.2 else self.segments)
        return escape(self.pick(IDS if kind < 0.7 else FILES))

    def method(self, own: list[str]) -> tuple[str, str]:
        kind = self.random.random()
        method = self.pick(own)
        if kind < 0.7:
            return method, ""
        if kind < 0.82:
            return self.pick(METHODS), "another method"
        if kind < 0.92:
            return self.pick(ODD_METHODS), "odd method"
        if kind < 0.97:
            return self.pick([method.lower(), method.title(), method[:-1] + method[-1].lower()]), "method's case"
        return self.pick(["", "GET/", "G%45T", "GET\x00", "*", method + method, "\xc7ET", "X" * 300]), "no method"

    def headers(self, method: str) -> tuple[tuple[Header, ...], str]:
        kind = self.random.random()
        if (method == "OPTIONS" and kind < 0.4) or kind < 0.01:
            return tuple(PREFLIGHT), "preflight headers"
        if kind > 0.95:
            return tuple(self.random.choice(ODD_HEADERS)), "odd headers"
        return (), ""

    # --- where a mutation strikes ---

    def at_slash(self, path: str, text: str, keep: bool = False) -> str:
        """A slash replaced by a text, or followed by it."""
        places = [index for index, char in enumerate(path) if char == "/"]
        if not places:
            return path + text
        place = self.random.choice(places)
        return path[: place + keep] + text + path[place + 1 :]

    def at_segment(self, path: str, change: Callable[[str], str | None]) -> str:
        """One segment changed; None drops it."""
        parts = path.split("/")
        place = self.random.randrange(min(1, len(parts) - 1), len(parts))
        changed = change(parts[place])
        return "/".join(parts[:place] + ([] if changed is None else [changed]) + parts[place + 1 :])

    def inside(self, path: str, text: str) -> str:
        place = self.random.randint(0, len(path))
        return path[:place] + text + path[place:]

    def behind_segment(self, path: str, text: str) -> str:
        return self.at_segment(path, lambda segment: segment + text)

    # --- mutations with more than a line ---

    def encode(self, path: str, chars: str, depth: int) -> str:
        """Some of the characters that occur escaped, `depth` times over."""
        places = [index for index, char in enumerate(path) if char in chars]
        chosen = set(self.random.sample(places, min(len(places), self.random.choice([1, 1, 2, 3, 99]))))
        upper = self.random.random() < 0.5

        def one(char: str) -> str:
            code = f"{ord(char):02X}" if upper else f"{ord(char):02x}"
            return "%" + "25" * (depth - 1) + code

        return "".join(one(char) if index in chosen else char for index, char in enumerate(path))

    def reescape(self, path: str) -> str:
        return path.replace("%", "%25", self.random.choice([1, -1]))

    def swap_case(self, path: str) -> str:
        kind = self.random.random()
        if kind < 0.3:
            return path.upper() if kind < 0.15 else path.title()
        place = self.random.randrange(len(path)) if path else 0
        return path[:place] + path[place : place + 1].swapcase() + path[place + 1 :]

    def crossover(self, path: str) -> str:
        mine, other = path.split("/"), self.fill(self.random.choice(self.routes)["path"]).split("/")
        return "/".join(mine[: self.random.randint(1, len(mine))] + other[self.random.randint(1, len(other)) :])

    def twin(self, path: str) -> str:
        """Another surface or another version of the same endpoint; most of these exist for one of both."""
        old, new = self.random.choice([("/api/", "/ajax-api/"), ("/ajax-api/", "/api/")])
        swapped = path.replace(old, new, 1)
        if swapped == path or self.random.random() < 0.5:
            swapped = re.sub(r"\b[23]\.0\b", lambda _: self.pick(VERSIONS), swapped, count=1)
        return swapped

    def repeat_prefix(self, path: str) -> str:
        """The first segments once more, behind a dot segment or not."""
        head = "/".join(path.split("/")[: self.random.randint(2, 4)])
        return head + self.pick(["", "/..", "/%2e%2e", "/../..", "/x/..", "/."]) + path

    def away_and_back(self, path: str) -> str:
        """A detour that some readings of the path undo, and others do not."""
        detour = self.pick(PREFIXES + ["/" + self.pick(self.segments)])
        ups = "/".join([self.pick(DOTS)] * detour.count("/"))
        return detour + "/" + ups + path

    def drop_empty(self, path: str) -> str:
        """A parameter that is empty."""
        return self.at_segment(path, lambda _: "")

    def shuffle(self, path: str) -> str:
        parts = path.split("/")
        if len(parts) < 3:
            return path
        place = self.random.randrange(1, len(parts) - 1)
        parts[place], parts[place + 1] = parts[place + 1], parts[place]
        return "/".join(parts)

    def long(self, path: str) -> str:
        kind = self.random.random()
        if kind < 0.4:
            return self.behind_segment(path, "a" * self.random.choice([255, 4_096, 20_000]))
        if kind < 0.7:
            return path + "/a" * self.random.choice([50, 1_000])
        return "/." * self.random.choice([50, 1_000]) + path


def escape(text: str) -> str:
    """A segment as clients write it: what RFC 3986 does not reserve stays."""
    kept = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,=:@"
    return "".join(chr(b) if chr(b) in kept else f"%{b:02X}" for b in text.encode())


def _wide(text: str) -> bool:
    return any(ord(char) > 0xFF for char in text)


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

MUTATIONS: list[tuple[str, Mutation]] = [
    ("escaped letters", lambda s, p: s.encode(p, _LETTERS, 1)),
    ("escaped letters", lambda s, p: s.encode(p, _LETTERS, 1)),
    ("escaped dots", lambda s, p: s.encode(p, ".", s.random.choice([1, 1, 2, 3]))),
    ("escaped slashes", lambda s, p: s.encode(p, "/", s.random.choice([1, 1, 2, 3]))),
    ("escaped twice", lambda s, p: s.encode(p, _LETTERS, s.random.choice([2, 3]))),
    ("escaped twice", lambda s, p: s.reescape(p)),
    ("escaped escapes", lambda s, p: s.behind_segment(p, s.pick(ESCAPED_ESCAPES))),
    ("escaped escapes", lambda s, p: s.inside(p, s.pick(ESCAPED_ESCAPES))),
    ("slashes", lambda s, p: s.at_slash(p, s.pick(SLASHES))),
    ("slashes", lambda s, p: s.at_slash(p, s.pick(SLASHES))),
    ("leading slashes", lambda s, p: s.pick(STARTS) + p),
    ("trailing slash", lambda s, p: p[:-1] if p.endswith("/") else p + "/"),
    ("dot segments", lambda s, p: s.at_slash(p, s.pick(DOTS) + "/", keep=True)),
    ("dot segments", lambda s, p: s.at_slash(p, s.pick(s.segments) + "/" + s.pick(DOTS) + "/", keep=True)),
    ("dot segments", lambda s, p: s.away_and_back(p)),
    ("dot segments", lambda s, p: s.repeat_prefix(p)),
    ("path parameters", lambda s, p: s.behind_segment(p, s.pick(PARAMETERS))),
    ("control characters", lambda s, p: s.inside(p, s.pick(CONTROLS))),
    ("control characters", lambda s, p: p + s.pick(CONTROLS)),
    ("overlong UTF-8", lambda s, p: s.at_slash(p, s.pick(OVERLONG))),
    ("not UTF-8", lambda s, p: s.inside(p, s.pick(NOT_UTF8))),
    ("not an escape", lambda s, p: s.inside(p, s.pick(NOT_ESCAPES))),
    ("lookalikes", lambda s, p: s.at_slash(p, escape(s.pick(LOOKALIKES)))),
    ("lookalikes", lambda s, p: s.inside(p, s.pick(LOOKALIKES))),
    ("raw bytes", lambda s, p: s.inside(p, s.pick(RAW))),
    ("raw bytes", lambda s, p: s.behind_segment(p, s.pick(RAW))),
    ("fragment", lambda s, p: s.inside(p, s.pick(FRAGMENTS))),
    ("question mark", lambda s, p: s.inside(p, s.pick(["?", "%3f", "%3F", "%253f"]))),
    ("absolute form", lambda s, p: s.pick(ORIGINS) + p),
    ("prefix", lambda s, p: s.pick(PREFIXES) + p),
    ("prefix", lambda s, p: "/" + "/".join(p.split("/")[2:])),
    ("twin", lambda s, p: s.twin(p)),
    ("twin", lambda s, p: s.twin(p)),
    ("case", lambda s, p: s.swap_case(p)),
    ("missing segment", lambda s, p: s.at_segment(p, lambda _: None)),
    ("extra segment", lambda s, p: s.at_slash(p, s.word() + "/", keep=True)),
    ("extra segment", lambda s, p: p + "/" + s.word()),
    ("empty parameter", lambda s, p: s.drop_empty(p)),
    ("another segment", lambda s, p: s.at_segment(p, lambda _: s.pick(s.segments))),
    ("another segment", lambda s, p: s.at_segment(p, lambda _: s.word())),
    ("swapped segments", lambda s, p: s.shuffle(p)),
    ("ending", lambda s, p: p + s.pick(ENDINGS)),
    ("legal characters", lambda s, p: s.inside(p, s.pick(ALSO_LEGAL))),
    ("crossover", lambda s, p: s.crossover(p)),
    ("crossover", lambda s, p: s.crossover(p)),
    ("very long", lambda s, p: s.long(p) if s.random.random() < 0.2 else p),
]
"""Name and function; those that matter more stand there twice."""
