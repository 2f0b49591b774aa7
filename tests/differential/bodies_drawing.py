"""Draws requests as they should be, and the words that mutations put into them."""

import json
import random

from .bodies_operations import GRANTED_IDS, GRANTED_NAMES, Operation
from .bodies_pieces import ALIASES, ARTIFACT_PATHS, FOREIGN_IDS, FOREIGN_NAMES, FRAMINGS, PLAIN_IDS_LIKE, SOURCES
from .bodies_request import Draft, Request


class Drawing:
    """Draws from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

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
