"""Mutations of a body, and of what says how to read it."""

import gzip
import json
from collections.abc import Callable

from .bodies_drawing import Drawing
from .bodies_operations import OPERATIONS
from .bodies_pieces import (
    CONTENT_TYPES,
    FRAMINGS,
    KEYS_LIKE,
    LEADING,
    ODD_HEADERS,
    ODD_VALUES,
    TRAILING,
    TRAPS,
    UNKNOWN,
)
from .bodies_request import Draft


class BodyMutations(Drawing):
    """Each changes a draft."""

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
