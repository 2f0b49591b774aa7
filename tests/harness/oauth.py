"""A real OAuth 2.0 server in a process of its own: tests/oauth/server.py."""

import base64
import json
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from . import paths, ports
from .processes import Process


class OAuthServer:
    """Issues tokens to its clients, and tells the client `proxy` about them, until `stop`."""

    def __init__(self, workdir: Path) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self.address = (ports.HOST, ports.free_port())
        self.url = f"http://{self.address[0]}:{self.address[1]}"
        self._requests = workdir / "introspections.jsonl"
        command = [paths.oauth_python(), paths.ROOT / "tests" / "oauth" / "server.py"]
        # Authlib wants https, which a server on this machine's loopback does not have.
        env = {"AUTHLIB_INSECURE_TRANSPORT": "1"}
        self.process = Process("oauth", [*command, str(self.address[1]), self._requests], workdir, env=env)
        try:
            self.process.wait_ready(lambda: self._call("GET", "/ready"), timeout=30)
        except BaseException:
            self.process.stop()
            raise

    def _call(self, method: str, path: str, body: bytes | None = None, authorization: str = "") -> bytes:
        request = urllib.request.Request(self.url + path, body, method=method)
        if authorization:
            request.add_header("authorization", authorization)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def token(self, client: str) -> str:
        """An access token, by the client credentials grant."""
        form = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
        return json.loads(self._call("POST", "/oauth2/token", form, basic(client)))["access_token"]

    def revoke(self, token: str) -> None:
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


def basic(client: str, secret: str | None = None) -> str:
    """The credential of a client; its own secret unless another is given."""
    pair = f"{client}:{secret or client + '-secret'}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
