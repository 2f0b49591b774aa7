"""Requests that name a model or an experiment, and are written as nobody should write them.

`Requests(seed)` draws an operation that names something, fills it with names that the caller is granted,
and mutates it, mostly by bringing in names that it is not granted, in every way known in which MLflow reads a
request otherwise than it looks. The same seed gives the same requests.
"""

import base64
import gzip
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .bodies_pieces import (
    ALIASES,
    ARTIFACT_PATHS,
    CONTENT_TYPES,
    FOREIGN_IDS,
    FOREIGN_NAMES,
    FRAMINGS,
    GRANTED_IDS,
    GRANTED_NAMES,
    KEYS_LIKE,
    LEADING,
    ODD_HEADERS,
    ODD_VALUES,
    OPERATIONS,
    PLAIN_IDS_LIKE,
    SOURCES,
    TRAILING,
    TRAPS,
    UNKNOWN,
    Operation,
)

Header = tuple[str, str]


@dataclass(frozen=True)
class Request:
    """One request. Text stands for bytes (Latin-1) where it may be none."""

    operation: str
    method: str
    target: str
    headers: tuple[Header, ...]
    body: bytes | None
    chunked: bool
    mutations: tuple[str, ...]

    def wire(self) -> bytes:
        """As it stands on the connection to the server."""
        lines = [f"{self.method} {self.target} HTTP/1.1", "Host: mlflow.example"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        body = self.body or b""
        if not self.chunked:
            return head + body
        size = max(1, len(body) // 3)
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        chunks = [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces]
        return head + b"".join(chunks) + b"0\r\n\r\n"

    def line(self, names: tuple[str, ...]) -> dict[str, object]:
        """As `mlflow-authz explain` takes it, with a caller who may do everything, on these names only."""
        headers = [list(header) for header in self.headers]
        if self.body is not None and not any(name.lower() == "content-type" for name, _ in self.headers):
            # It would be added. An empty one is as little application/json as none.
            headers.append(["content-type", ""])
        body = {} if self.body is None else {"body_base64": base64.b64encode(self.body).decode()}
        grants = [{"scope": "all", "names": list(names)}]
        return {"method": self.method, "target": self.target, "headers": headers, "grants": grants, **body}


@dataclass
class Draft:
    """A request in the making. Members, query and their values are raw: JSON text, and text of a query."""

    operation: Operation
    method: str
    path: str
    members: list[tuple[str, str]] = field(default_factory=list)
    query: list[str] = field(default_factory=list)
    text: str | None = None
    """The body's text, once it is more than its members."""
    octets: bytes | None = None
    """The body, once it is more than that text."""
    content_types: list[str] = field(default_factory=lambda: ["application/json"])
    headers: list[Header] = field(default_factory=list)
    framing: str = "length"
    has_body: bool = True

    def json(self) -> str:
        if self.text is None:
            self.text = "{" + ",".join(f"{key}:{value}" for key, value in self.members) + "}"
        return self.text

    def body(self) -> bytes:
        if self.octets is None:
            self.octets = self.json().encode("utf-8", "surrogatepass")
        return self.octets


class Requests:
    """An endless sequence of requests."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def __iter__(self) -> Iterator[Request]:
        while True:
            yield self.draw()

    def draw(self) -> Request:
        draft = self.plain(self.random.choice(OPERATIONS))
        how: list[str] = []
        for _ in range(self.random.choices([0, 1, 2, 3], [1, 9, 6, 3])[0]):
            applicable = MUTATIONS_OF[self.kind(draft)]
            name, mutate = self.random.choice(applicable)
            mutate(self, draft)
            how.append(name)
        return self.finished(draft, tuple(how))

    def kind(self, draft: Draft) -> str:
        if draft.operation.artifact:
            return "path"
        return "body" if draft.operation.in_body else "query"

    # --- a request as it should be ---

    def plain(self, operation: Operation) -> Draft:
        surface = "ajax-api" if self.random.random() < 0.2 else "api"
        path = operation.path.replace("{surface}", surface)
        draft = Draft(operation, operation.method, path)
        if operation.artifact:
            draft.path += "/" + self.granted("id") + "/" + self.pick(["m/model.pkl", "a.txt", "x%20y", "m"])
            draft.has_body = operation.method == "PUT"
            draft.text = "content"
            draft.content_types = []
            return draft
        fields = [(name, self.value(kind)) for name, kind in operation.fields]
        optional = [(name, value) for name, value in operation.optional if self.random.random() < 0.25]
        if operation.in_body:
            draft.members = [(json.dumps(n), self.quoted(v)) for n, v in fields]
            draft.members += [(json.dumps(n), v) for n, v in optional]
            if self.random.random() < 0.15:
                self.random.shuffle(draft.members)
        else:
            draft.query = [f"{name}={value.replace(' ', '+')}" for name, value in fields]
            draft.has_body, draft.content_types = False, []
        return draft

    def value(self, kind: str) -> str:
        return {
            "version": "1",
            "key": "k",
            "text": "v",
            "path": "MLmodel",
            "stage": "Production",
            "artifact": self.granted("id") + "/m",
            "alias": self.pick(["cand-a", "candidate", "champion"]),
            "source": self.pick(SOURCES[:6]),
        }.get(kind) or self.granted(kind)

    def granted(self, kind: str) -> str:
        return self.pick(GRANTED_IDS if kind == "id" else GRANTED_NAMES)

    def foreign(self, draft: Draft, name: str) -> str:
        """Something else for a field: of another tenant, or a spelling that may become one."""
        kind = dict(draft.operation.fields).get(name, "name")
        if kind == "id":
            return self.pick(FOREIGN_IDS if self.random.random() < 0.6 else PLAIN_IDS_LIKE)
        if kind == "artifact":
            return self.pick(ARTIFACT_PATHS)
        if kind == "source":
            return self.pick(SOURCES)
        if kind == "alias":
            return self.pick(ALIASES)
        return self.pick(FOREIGN_NAMES)

    def naming(self, draft: Draft) -> str:
        """A field that names something."""
        fields = [n for n, kind in draft.operation.fields if kind in ("name", "id", "source", "alias", "artifact")]
        return self.random.choice(fields)

    def pick(self, words: list[str]) -> str:
        return self.random.choice(words)

    def quoted(self, text: str) -> str:
        return json.dumps(text, ensure_ascii=self.random.random() < 0.5)

    def insert(self, draft: Draft, key: str, value: str, before: str | None = None) -> None:
        """A member at any place, or at the place of a field or before it."""
        places = [i for i, (k, _) in enumerate(draft.members) if before and k == json.dumps(before)]
        place = self.random.randint(0, places[0] if places else len(draft.members))
        draft.members.insert(place, (key, value))
        draft.text = None

    def finished(self, draft: Draft, how: tuple[str, ...]) -> Request:
        target = draft.path + ("?" + "&".join(draft.query) if draft.query else "")
        target = target.encode().decode("latin-1") if any(ord(c) > 0xFF for c in target) else target
        target = "".join(c for c in target if c not in "\r\n")
        headers = [*draft.headers, *(("Content-Type", kind) for kind in draft.content_types)]
        if not draft.has_body:
            return Request(draft.operation.name, draft.method, target, tuple(headers), None, False, how)
        body = draft.body()
        length, chunked = str(len(body)), False
        framing = FRAMINGS[draft.framing]
        if draft.framing == "short":
            body = body[: self.random.randint(0, len(body))]
            length = str(len(body))
        if draft.framing == "zero":
            body = b""
        for name, value in framing:
            headers.append((name, value.replace("{n}", length).replace("{n+5}", str(len(body) + 5))))
            chunked = chunked or name == "Transfer-Encoding"
        return Request(
            draft.operation.name,
            draft.method,
            target,
            tuple(headers),
            body if framing else None,
            chunked,
            how,
        )

    # --- mutations of a body's members ---

    def duplicate(self, draft: Draft) -> None:
        name = self.naming(draft)
        self.insert(draft, self.spelled(name), self.quoted(self.foreign(draft, name)))

    def spelled(self, name: str) -> str:
        """A field's name in JSON, perhaps with escapes."""
        if self.random.random() < 0.6:
            return json.dumps(name)
        place = self.random.randrange(len(name))
        escape = f"\\u{ord(name[place]):04x}"
        return f'"{name[:place]}{escape}{name[place + 1 :]}"'

    def twin(self, draft: Draft) -> None:
        """Another spelling of a field's name, beside it or in its place."""
        name = self.naming(draft)
        words = name.split("_")
        camel = words[0] + "".join(word.title() for word in words[1:])
        like = self.pick(KEYS_LIKE).replace("{}", name)
        key = self.pick([camel, camel, camel, name.upper(), name.title(), "_" + name, name + "_", like])
        if self.random.random() < 0.5:
            draft.members = [(k, v) for k, v in draft.members if k != json.dumps(name)]
        self.insert(draft, json.dumps(key), self.quoted(self.foreign(draft, name)))

    def trap(self, draft: Draft) -> None:
        """What makes protobuf stop, before the name."""
        key, value = self.random.choice(TRAPS)
        self.insert(draft, json.dumps(key), value, before=self.naming(draft))

    def wrong_type(self, draft: Draft) -> None:
        self.replace(draft, lambda foreign: self.pick(ODD_VALUES).replace("{}", json.dumps(foreign)))

    def another_name(self, draft: Draft) -> None:
        self.replace(draft, self.quoted)

    def replace(self, draft: Draft, value: Callable[[str], str]) -> None:
        name = self.naming(draft)
        key, text = json.dumps(name), value(self.foreign(draft, name))
        draft.members = [(k, text if k == key else v) for k, v in draft.members]
        draft.text = None

    def unknown(self, draft: Draft) -> None:
        key, value = self.random.choice(UNKNOWN)
        self.insert(draft, key, value)

    def drop(self, draft: Draft) -> None:
        key = json.dumps(self.naming(draft))
        draft.members = [(k, v) for k, v in draft.members if k != key]
        draft.text = None

    def shuffle(self, draft: Draft) -> None:
        self.random.shuffle(draft.members)
        draft.text = None

    def crossover(self, draft: Draft) -> None:
        """Another operation's target with this body."""
        other = self.random.choice([operation for operation in OPERATIONS if operation.in_body])
        draft.path = other.path.replace("{surface}", "api")
        draft.method = other.method

    # --- mutations of a body's text and bytes ---

    def around(self, draft: Draft) -> None:
        text = draft.json()
        other = self.plain(draft.operation)
        self.replace(other, self.quoted)
        foreign = other.json()
        draft.text = self.pick(
            [
                json.dumps(text),
                json.dumps(foreign),
                json.dumps(json.dumps(text)),
                f"[{text}]",
                text + foreign,
                text + "\n" + foreign,
                text + self.pick(TRAILING),
                self.pick(LEADING) + text,
                text[:-1],
                text[:-1] + ",}",
                text.replace('"', "'"),
                text.replace(":", " :\t").replace(",", "\r\n,"),
                text.replace("-", "\\u002d"),
                text.replace("{", "{/*x*/", 1),
                f'{{"":{text}}}',
                text.replace('":"', '":"\n', 1),
            ]
        )

    def flip(self, draft: Draft) -> None:
        """One byte more, fewer, or another."""
        body = bytearray(draft.body())
        place = self.random.randint(0, len(body) - 1) if body else 0
        kind = self.random.random()
        if kind < 0.4:
            body[place : place + 1] = bytes([self.random.choice(b'"\\{}[],:\x00\x7f\xff\xc0 ')])
        elif kind < 0.7:
            body.insert(place, self.random.choice(b'"\\{}[],:\x00\x0b\xa0\xed0n '))
        else:
            del body[place : place + 1]
        draft.octets = bytes(body)

    def encoding(self, draft: Draft) -> None:
        text = draft.json()
        codec = self.pick(
            [
                "utf-16",
                "utf-16-le",
                "utf-16-be",
                "utf-32",
                "utf-32-le",
                "utf-32-be",
                "utf-8-sig",
                "utf-7",
                "latin-1",
            ]
        )
        if codec == "latin-1" or self.random.random() < 0.2:
            # A byte that is no UTF-8, in a name or beside one.
            bad = self.random.choice([b"\xe9", b"\xc0\xae", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff"])
            draft.octets = text.encode("utf-8", "surrogatepass").replace(b"-", b"-" + bad, 1)
            return
        draft.octets = text.encode(codec, "surrogatepass")

    # --- mutations of what is around ---

    def frame(self, draft: Draft) -> None:
        draft.framing = self.pick(list(FRAMINGS))

    def content_type(self, draft: Draft) -> None:
        draft.content_types = self.random.choice(CONTENT_TYPES)

    def content_encoding(self, draft: Draft) -> None:
        coding = self.pick(["gzip", "identity", "deflate", "br", "x-gzip", ""])
        draft.headers.append(("Content-Encoding", coding))
        if coding == "gzip" and self.random.random() < 0.5:
            draft.octets = gzip.compress(draft.body(), mtime=0)

    def query_beside(self, draft: Draft) -> None:
        name = self.naming(draft)
        draft.query = [self.pick([f"{name}={self.foreign(draft, name)}", "x=1", "", "&", f"{name}=", "#", "=&="])]
        draft.query = [piece.encode("ascii", "ignore").decode().replace(" ", "+") for piece in draft.query]

    def another_method(self, draft: Draft) -> None:
        draft.method = self.pick(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "post", "OPTIONS"])

    def odd_header(self, draft: Draft) -> None:
        draft.headers.append(self.random.choice(ODD_HEADERS))

    # --- mutations of a query ---

    def query_duplicate(self, draft: Draft) -> None:
        name = self.naming(draft)
        key = name
        if self.random.random() < 0.5:
            place = self.random.randrange(len(name))
            key = f"{name[:place]}%{ord(name[place]):02x}{name[place + 1 :]}"
        piece = f"{key}={self.in_query(self.foreign(draft, name))}"
        draft.query.insert(self.random.randint(0, len(draft.query)), piece)

    def query_twin(self, draft: Draft) -> None:
        name = self.naming(draft)
        words = name.split("_")
        camel = words[0] + "".join(word.title() for word in words[1:])
        key = self.pick(
            [
                camel,
                camel,
                name.upper(),
                "+" + name,
                name + "+",
                name + "%00",
                name + "[]",
                "%EF%BD%8E" + name[1:],
            ]
        )
        if self.random.random() < 0.5:
            draft.query = [piece for piece in draft.query if not piece.startswith(name + "=")]
        draft.query.insert(
            self.random.randint(0, len(draft.query)), f"{key}={self.in_query(self.foreign(draft, name))}"
        )

    def query_value(self, draft: Draft) -> None:
        name = self.naming(draft)
        text = self.in_query(self.foreign(draft, name))
        draft.query = [f"{name}={text}" if p.startswith(name + "=") else p for p in draft.query]

    def query_inside(self, draft: Draft) -> None:
        """Something odd at any place of the query."""
        query = "&".join(draft.query)
        place = self.random.randint(0, len(query))
        odd = self.pick(
            [
                "%",
                "%zz",
                "%0",
                "%FF",
                "%C0%AE",
                "%00",
                "+",
                "%20",
                "%0a",
                "%09",
                "#",
                "%23",
                "?",
                ";",
                "&",
                "&&",
                "=",
                "%26",
            ]
            + [
                "%3D",
                "%2525",
                "%25",
                "\x80",
                "\xff",
                "%EF%BC%8D",
                "%E2%80%8B",
                "'",
                '"',
                "%5C",
                "/",
                "%2F",
                ":",
                "|",
                "\t",
            ]
        )
        draft.query = [query[:place] + odd + query[place:]]

    def query_encode(self, draft: Draft) -> None:
        query = "&".join(draft.query)
        places = [i for i, c in enumerate(query) if c not in "&=%+"]
        chosen = set(self.random.sample(places, min(len(places), self.random.choice([1, 2, 99]))))
        pre = self.pick(["%", "%", "%25"])
        draft.query = ["".join(f"{pre}{ord(c) & 0xFF:02X}" if i in chosen else c for i, c in enumerate(query))]

    def query_drop(self, draft: Draft) -> None:
        name = self.naming(draft)
        draft.query = [p for p in draft.query if not p.startswith(name + "=")]

    def body_beside(self, draft: Draft) -> None:
        """A body where a query names, and perhaps no query."""
        draft.members = [
            (
                json.dumps(name),
                self.quoted(self.foreign(draft, name) if kind in ("name", "id", "artifact") else "1"),
            )
            for name, kind in draft.operation.fields
        ]
        draft.text, draft.has_body = None, True
        draft.content_types = self.random.choice([["application/json"], [], ["text/plain"]])
        if self.random.random() < 0.6:
            draft.query = self.random.choice([[], ["&"], [""], ["x=1"], ["#"], ["="]])
        draft.framing = self.pick(["length", "length", "chunked", "none", "zero"])

    def in_query(self, text: str) -> str:
        if self.random.random() < 0.3:
            return text.replace(" ", "+").replace("\n", "%0A").replace("\x00", "%00").replace("\t", "%09")
        kept = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
        data = text.encode("utf-8", "surrogatepass")
        return "".join(chr(b) if chr(b) in kept else f"%{b:02X}" for b in data)

    # --- mutations of an artifact's path ---

    def artifact_path(self, draft: Draft) -> None:
        base = draft.operation.path.replace("{surface}", "api")
        draft.path = base + "/" + self.pick(ARTIFACT_PATHS)

    def path_encode(self, draft: Draft) -> None:
        base, _, path = draft.path.partition("/mlflow-artifacts/artifacts/")
        for _ in range(self.random.choice([1, 1, 2, 3, 9, 10, 11])):
            places = [i for i, c in enumerate(path) if c in "/.%7890"]
            chosen = set(self.random.sample(places, min(len(places), self.random.choice([1, 2]))))
            path = "".join(f"%{ord(c):02X}" if i in chosen else c for i, c in enumerate(path))
        draft.path = f"{base}/mlflow-artifacts/artifacts/{path}"

    def path_inside(self, draft: Draft) -> None:
        base, _, path = draft.path.partition("/mlflow-artifacts/artifacts/")
        place = self.random.randint(0, len(path))
        odd = self.pick(
            [
                "/",
                "//",
                "/../9/",
                "/%2e%2e/9/",
                "%2F..%2F9%2F",
                "%252F..%252F9",
                "\\..\\9",
                "%5C",
                "?",
                "%3F",
                "#",
                "%23",
            ]
            + [
                "%00",
                "%0a",
                "%7F",
                ";",
                ":",
                "file:",
                "file:///9/",
                "./",
                "%2E/",
                "0",
                "7",
                "%EF%BC%97",
                "%C2%A0",
                "+",
                "%20",
            ]
        )
        draft.path = f"{base}/mlflow-artifacts/artifacts/{path[:place]}{odd}{path[place:]}"


Mutation = Callable[[Requests, Draft], None]

_AROUND: list[tuple[str, Mutation]] = [
    ("method", Requests.another_method),
    ("odd header", Requests.odd_header),
]
MUTATIONS_OF: dict[str, list[tuple[str, Mutation]]] = {
    "body": [
        ("duplicate", Requests.duplicate),
        ("duplicate", Requests.duplicate),
        ("twin", Requests.twin),
        ("twin", Requests.twin),
        ("trap", Requests.trap),
        ("trap", Requests.trap),
        ("wrong type", Requests.wrong_type),
        ("another name", Requests.another_name),
        ("another name", Requests.another_name),
        ("unknown", Requests.unknown),
        ("unknown", Requests.unknown),
        ("missing", Requests.drop),
        ("order", Requests.shuffle),
        ("crossover", Requests.crossover),
        ("around", Requests.around),
        ("around", Requests.around),
        ("flipped byte", Requests.flip),
        ("encoding", Requests.encoding),
        ("framing", Requests.frame),
        ("framing", Requests.frame),
        ("content type", Requests.content_type),
        ("content encoding", Requests.content_encoding),
        ("query beside", Requests.query_beside),
        *_AROUND,
    ],
    "query": [
        ("query: duplicate", Requests.query_duplicate),
        ("query: duplicate", Requests.query_duplicate),
        ("query: twin", Requests.query_twin),
        ("query: another name", Requests.query_value),
        ("query: another name", Requests.query_value),
        ("query: odd", Requests.query_inside),
        ("query: odd", Requests.query_inside),
        ("query: escapes", Requests.query_encode),
        ("query: missing", Requests.query_drop),
        ("body beside", Requests.body_beside),
        ("body beside", Requests.body_beside),
        *_AROUND,
    ],
    "path": [
        ("path", Requests.artifact_path),
        ("path: escapes", Requests.path_encode),
        ("path: odd", Requests.path_inside),
        *_AROUND,
    ],
}
"""Name and function; those that matter more stand there twice."""
