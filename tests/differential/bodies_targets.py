"""Mutations of a target: its query, and the path of an artifact."""

import json

from .bodies_drawing import Drawing
from .bodies_pieces import ARTIFACT_PATHS
from .bodies_request import Draft


class TargetMutations(Drawing):
    """Each changes a draft."""

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
