"""A request that the comparison of bodies sends, and its draft."""

import base64
from dataclasses import dataclass, field

from .bodies_operations import Operation

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
