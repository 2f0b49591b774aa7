"""A real OAuth 2.0 server, Authlib's on Flask: client credentials (RFC 6749) and introspection (RFC 7662).

    python server.py PORT REQUESTS_FILE

Nothing of it knows the filter. Each introspection is appended to REQUESTS_FILE, a JSON object a line.
`POST /revoke/TOKEN` revokes a token.
"""

import json
import sys
import time
from types import SimpleNamespace

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from flask import Flask, request


class Client(ClientMixin):
    """A confidential client that authenticates by Basic."""

    def __init__(self, client_id: str, secret: str, scope: str, audience: object = "mlflow") -> None:
        self.client_id = client_id
        self.secret = secret
        self.scope = scope
        self.audience = audience

    def get_client_id(self) -> str:
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(word for word in (scope or self.scope).split() if word in self.scope.split())

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == self.secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class Token(TokenMixin):
    """An opaque access token."""

    def __init__(self, text: str, client: Client, scope: str, lifetime: int) -> None:
        self.text = text
        self.client = client
        self.scope = scope
        self.issued_at = int(time.time())
        self.expires_at = self.issued_at + lifetime
        self.revoked = False

    def check_client(self, client: Client) -> bool:
        return client.client_id == self.client.client_id

    def is_expired(self) -> bool:
        return self.expires_at < time.time()

    def is_revoked(self) -> bool:
        return self.revoked

    def get_scope(self) -> str:
        return self.scope

    def get_expires_in(self) -> int:
        return self.expires_at - self.issued_at


CLIENTS = {
    client.client_id: client
    for client in (
        Client("reader", "reader-secret", "model:read openid"),
        Client("trainer", "trainer-secret", "tracking:write"),
        Client("writer", "writer-secret", "model:write"),
        Client("foreign", "foreign-secret", "read write admin full_access"),
        Client("other", "other-secret", "model:read", audience=["billing", "crm"]),
        Client("nobody", "nobody-secret", "model:read", audience=None),
        Client("proxy", "proxy-secret", ""),
    )
}
TOKENS: dict[str, Token] = {}


def save_token(token: dict[str, object], oauth_request: SimpleNamespace) -> None:
    text = str(token["access_token"])
    TOKENS[text] = Token(text, oauth_request.client, str(token.get("scope", "")), int(token["expires_in"]))


class Introspection(IntrospectionEndpoint):
    """Only the client `proxy` may introspect."""

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        return TOKENS.get(token_string)

    def check_permission(self, token: Token, client: Client, request: object) -> bool:
        return client.client_id == "proxy"

    def introspect_token(self, token: Token) -> dict[str, object]:
        told = {
            "active": True,
            "client_id": token.client.client_id,
            "sub": f"service-account-{token.client.client_id}",
            "token_type": "Bearer",
            "scope": token.get_scope(),
            "exp": token.expires_at,
            "iat": token.issued_at,
            "iss": "https://oauth.example",
        }
        if token.client.audience is not None:
            told["aud"] = token.client.audience
        return told


def application(requests_file: str) -> Flask:
    app = Flask(__name__)
    app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {"client_credentials": 3600}
    server = AuthorizationServer(app, query_client=CLIENTS.get, save_token=save_token)
    server.register_grant(ClientCredentialsGrant)
    server.register_endpoint(Introspection)

    @app.post("/oauth2/token")
    def token() -> object:
        return server.create_token_response()

    @app.post("/oauth2/introspect")
    def introspect() -> object:
        with open(requests_file, "a", encoding="utf-8") as file:
            seen = {"headers": dict(request.headers), "form": request.form.to_dict(flat=False)}
            file.write(json.dumps(seen) + "\n")
        return server.create_endpoint_response(Introspection.ENDPOINT_NAME)

    @app.post("/revoke/<text>")
    def revoke(text: str) -> str:
        TOKENS[text].revoked = True
        return ""

    @app.get("/ready")
    def ready() -> str:
        return "ready"

    return app


if __name__ == "__main__":
    application(sys.argv[2]).run(host="127.0.0.1", port=int(sys.argv[1]))
