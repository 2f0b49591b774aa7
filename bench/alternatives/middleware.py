"""A reverse proxy in Python, authorization in a middleware: what one runs in front of MLflow without a filter.

As FastAPI's and Starlette's documentation would have it: BaseHTTPMiddleware, one httpx client with a pool of kept
connections for each neighbour. Valid keys are cached for a minute, patterns over paths tell writes from reads. For
scripts/bench alone; the environment says where the neighbours are.
"""

import os
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.middleware.base import BaseHTTPMiddleware

MOUNT = "/api/mlflow"
VALIDATE = "/api/v1/keys/validate"
TTL_SECONDS = 60
CAPACITY = 10_000

GRANTS = {
    "model:read": {"read"},
    "model:write": {"read", "write"},
    "mlflow:admin": {"read", "write", "admin"},
}
ADMIN = re.compile(r"/(users|permissions|secrets|webhooks)(/|$)")
READ_BY_POST = re.compile(r"/(search|list)|/get-latest-versions$|/batchGetInfos$")

IDENTITY = ("x-mlflow-authz-user", "x-mlflow-authz-key", "x-mlflow-authz-scopes")
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
NOT_FORWARDED = HOP_BY_HOP | {"host", "content-length", *IDENTITY}
# httpx has decoded the body, so its length and coding are no longer those of the upstream's answer.
NOT_RETURNED = HOP_BY_HOP | {"content-length", "content-encoding"}

# As many connections as there are clients, and all of them kept.
LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=60)


@dataclass(frozen=True)
class Principal:
    """Whom a key belongs to."""

    user_id: str
    key_id: str
    scopes: tuple[str, ...]
    granted: frozenset[str]
    expires: float


class Cache:
    """Principals by key, least recently used first."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, Principal] = OrderedDict()

    def get(self, key: str) -> Principal | None:
        principal = self._entries.get(key)
        if principal is None or principal.expires <= time.monotonic():
            return None
        self._entries.move_to_end(key)
        return principal

    def put(self, key: str, principal: Principal) -> None:
        self._entries[key] = principal
        if len(self._entries) > CAPACITY:
            self._entries.popitem(last=False)


def needed(method: str, path: str) -> str:
    if ADMIN.search(path):
        return "admin"
    if method in ("GET", "HEAD") or (method == "POST" and READ_BY_POST.search(path)):
        return "read"
    return "write"


def refusal(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error_code": code, "message": message}, status)


class Authorization(BaseHTTPMiddleware):
    """Lets a request through whose key's scopes grant it."""

    def __init__(self, app: FastAPI, auth_service: httpx.AsyncClient) -> None:
        super().__init__(app)
        self._auth_service = auth_service
        self._cache = Cache()

    async def dispatch(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return refusal(401, "UNAUTHENTICATED", "no API key")
        principal = self._cache.get(key)
        if principal is None:
            try:
                answer = await self._auth_service.post(
                    VALIDATE, headers={"authorization": f"Bearer {key}"}, json={"service_id": "mlflow"}
                )
            except httpx.HTTPError:
                return refusal(503, "TEMPORARILY_UNAVAILABLE", "the auth service does not answer")
            if answer.status_code == 401:
                return refusal(401, "UNAUTHENTICATED", "the API key is not valid")
            if answer.status_code == 403:
                return refusal(403, "PERMISSION_DENIED", "the API key is refused")
            if answer.status_code != 200:
                return refusal(503, "TEMPORARILY_UNAVAILABLE", "the auth service does not answer")
            principal = as_principal(answer.json())
            self._cache.put(key, principal)
        access = needed(request.method, request.url.path)
        if access not in principal.granted:
            return refusal(403, "PERMISSION_DENIED", f"the API key may not {access}")
        request.state.principal = principal
        return await call_next(request)


def as_principal(said: dict) -> Principal:
    scopes = tuple(said["scopes"])
    return Principal(
        user_id=said.get("user_id") or "",
        key_id=said.get("key_id") or "",
        scopes=scopes,
        granted=frozenset().union(*(GRANTS.get(scope, ()) for scope in scopes)),
        expires=time.monotonic() + TTL_SECONDS,
    )


auth_service = httpx.AsyncClient(base_url=os.environ["AUTH_SERVICE"], limits=LIMITS, timeout=2, trust_env=False)
mlflow = httpx.AsyncClient(base_url=os.environ["MLFLOW"], limits=LIMITS, timeout=None, trust_env=False)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await auth_service.aclose()
    await mlflow.aclose()


app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
app.add_middleware(Authorization, auth_service=auth_service)


@app.api_route(MOUNT + "/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def forward(request: Request, path: str) -> Response:
    principal = request.state.principal
    headers = [(name, value) for name, value in request.headers.items() if name not in NOT_FORWARDED]
    values = (principal.user_id, principal.key_id, " ".join(principal.scopes))
    headers += zip(IDENTITY, values, strict=True)
    answer = await mlflow.request(
        request.method,
        "/" + path,
        params=request.query_params,
        content=await request.body(),
        headers=headers,
    )
    returned = {name: value for name, value in answer.headers.items() if name not in NOT_RETURNED}
    return Response(answer.content, answer.status_code, returned)
