"""Real OAuth 2.0 servers, each in a process of its own: Authlib's and npm's oidc-provider, see tests/oauth/."""

import base64
import json
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from . import paths, ports
from .processes import Process


class OAuthServer:
    """Authlib's: issues tokens to its clients, and tells the client `proxy` about them, until `stop`."""

    introspection_path = "/oauth2/introspect"
    _token_path = "/oauth2/token"
    _ready_path = "/ready"

    def __init__(self, workdir: Path) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self.address = (ports.HOST, ports.free_port())
        self.url = f"http://{self.address[0]}:{self.address[1]}"
        self._requests = workdir / "introspections.jsonl"
        command, env = self._command()
        self.process = Process("oauth", [*command, str(self.address[1]), self._requests], workdir, env=env)
        try:
            self.process.wait_ready(lambda: self._call("GET", self._ready_path), timeout=30)
        except BaseException:
            self.process.stop()
            raise

    def _command(self) -> tuple[list[str | Path], dict[str, str]]:
        # Authlib wants https, which a server on this machine's loopback does not have.
        server = paths.ROOT / "tests" / "oauth" / "server.py"
        return [paths.oauth_python(), server], {"AUTHLIB_INSECURE_TRANSPORT": "1"}

    def _call(self, method: str, path: str, body: bytes | None = None, authorization: str = "") -> bytes:
        request = urllib.request.Request(self.url + path, body, method=method)
        if authorization:
            request.add_header("authorization", authorization)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def token(self, client: str, **more: str) -> str:
        """An access token, by the client credentials grant."""
        form = urllib.parse.urlencode({"grant_type": "client_credentials", **more}).encode()
        return json.loads(self._call("POST", self._token_path, form, basic(client)))["access_token"]

    def revoke(self, token: str, client: str) -> None:
        """As the client whose token it is."""
        self._call("POST", f"/revoke/{token}", b"")

    def introspections(self) -> list[dict[str, Any]]:
        """Requests to the introspection endpoint so far: their headers, and their form."""
        lines = self._requests.read_text().splitlines() if self._requests.exists() else []
        return [json.loads(line) for line in lines]

    def stop(self) -> None:
        self.process.stop()

    def __enter__(self) -> "OAuthServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class OidcProvider(OAuthServer):
    """npm's oidc-provider."""

    introspection_path = "/token/introspection"
    _token_path = "/token"
    _ready_path = "/.well-known/openid-configuration"

    def _command(self) -> tuple[list[str | Path], dict[str, str]]:
        server = paths.ROOT / "tests" / "oauth" / "oidc-provider" / "server.mjs"
        return ["node", server], {"OIDC_PROVIDER": str(paths.oidc_provider())}

    def revoke(self, token: str, client: str) -> None:
        self._call("POST", "/token/revocation", urllib.parse.urlencode({"token": token}).encode(), basic(client))


def basic(client: str, secret: str | None = None) -> str:
    """The credential of a client; its own secret unless another is given."""
    pair = f"{client}:{secret or client + '-secret'}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
