"""What is sent to whom."""

from dataclasses import dataclass, field
from statistics import median

from bench.comparison import issued
from bench.load import Load, Numbers, Request
from harness import keys, paths
from harness.stack import MOUNT

COMPARED = ("none", "empty", "authz", "lua", "rbac", "ext_authz", "ext_authz_grpc", "middleware")
"""Those that are sent the same reads and writes. The others are this filter in another setting, or with other keys."""
STEPS = ("reads", "clock", "identity", "metrics", "calls")
"""`bench/filters/calls`, with one kind of host call more each."""
PARTS = ("empty", *STEPS, "authz", "quiet")
"""What a cached read is made of."""
DECIDING = ("authz", "lua", "rbac", "ext_authz", "ext_authz_grpc", "middleware")
"""Those of them that decide anything."""
CACHING = ("cold", "lua", "middleware")
"""Those that ask once per key; `cold` is this filter."""
CHECKING = ("ext_authz", "ext_authz_grpc")
"""Those that ask about each request."""
TOKENS = ("tokens", "tokens_rbac", "tokens_authz")
"""Those that are sent tokens instead of keys, which Envoy's jwt_authn filter verifies."""

LOAD_PREFIX = "hk_load_"
"""Every key with this prefix is valid, with the scope `LOAD_SCOPE`."""
LOAD_SCOPE = "model:read"
NARROW = keys.key("narrow", ["model:write:acme-*"])
"""May tag models named acme-*: which one, the body says."""
NUMBERED = {"key": f"{LOAD_PREFIX}{{number}}"}
"""Another key in each request."""

TITLES = {
    "none": "no filter",
    "empty": "empty proxy-wasm filter",
    "reads": "host calls alone: request headers read",
    "clock": "and the clock read",
    "identity": "and three identity headers set",
    "metrics": "and two counters increased",
    "calls": "and the access log told: all host calls of this filter",
    "authz": "this filter",
    "quiet": "this filter, `access_log` `none`",
    "lua": "Envoy Lua, same cache",
    "rbac": "Envoy RBAC, static keys",
    "ext_authz": "Envoy ext_authz, HTTP",
    "ext_authz_grpc": "Envoy ext_authz, gRPC",
    "middleware": "FastAPI middleware",
    "inspect": "this filter, reading bodies",
    "cold": "this filter",
    "keys": "this filter, many keys",
    "tokens": "jwt_authn alone",
    "tokens_rbac": "jwt_authn, and Envoy RBAC",
    "tokens_authz": "jwt_authn, and this filter",
}


def as_client(method: str, endpoint: str, key: keys.Key, body: str = "") -> Request:
    """A request with the headers that MLflow's client sends."""
    headers = {
        "user-agent": f"mlflow-python-client/{paths.versions()['MLFLOW_VERSION']}",
        "accept-encoding": "gzip, deflate",
        "accept": "*/*",
        "authorization": f"Bearer {key['key']}",
    }
    if body:
        headers["content-type"] = "application/json"
    return Request(method, f"{MOUNT}/api/2.0/mlflow/{endpoint}", headers, body)


_METRIC = (
    '{"run_uuid": "0af3b1c2d4e54f6a8b7c9d0e1f2a3b4c", "run_id": "0af3b1c2d4e54f6a8b7c9d0e1f2a3b4c",'
    ' "key": "loss", "value": 0.25, "timestamp": 1790000000000, "step": 12}'
)
_TAG = '{"name": "acme-fraud", "key": "stage", "value": "candidate"}'


def read(key: keys.Key) -> Request:
    return as_client("GET", "runs/get?run_id=0af3b1c2d4e54f6a8b7c9d0e1f2a3b4c", key)


def write(key: keys.Key) -> Request:
    return as_client("POST", "runs/log-metric", key, _METRIC)


def administer(key: keys.Key) -> Request:
    return as_client("GET", "users/get?username=alice", key)


def tag(key: keys.Key) -> Request:
    return as_client("POST", "registered-models/set-tag", key, _TAG)


UNKNOWN_KEY = {"key": keys.UNKNOWN}


def decisions(subject: str) -> dict[str, tuple[Request, int]]:
    """Requests, and the status that the subject has to answer before anything is measured.

    Those that decide do so alike, but for two: RBAC knows one refusal only, and jwt_authn alone looks at no scopes.
    """
    if subject in TOKENS:
        allowed = 200 if subject == "tokens" else 403
        reader, writer = issued.token(issued.READ), issued.token(issued.WRITE)
        return {
            "read, read token": (read(reader), 200),
            "write, write token": (write(writer), 200),
            "write, read token": (write(reader), allowed),
            "account, read token": (administer(reader), allowed),
            "read, not a token": (read(UNKNOWN_KEY), 401),
        }
    forwards = subject in ("none", "empty", *STEPS)
    no, unknown = (200, 200) if forwards else (403, 403 if subject == "rbac" else 401)
    return {
        "read, read key": (read(keys.READ), 200),
        "write, write key": (write(keys.WRITE), 200),
        "write, read key": (write(keys.READ), no),
        "account, read key": (administer(keys.READ), no),
        "read, unknown key": (read(UNKNOWN_KEY), unknown),
        # Nobody has it cached, so it is decided after a callout.
        "account, new read key": (administer(NUMBERED), no),
    }


@dataclass(frozen=True)
class Sample:
    """What one round measured of a case."""

    cpu_us: float
    """CPU microseconds of what is measured, per request."""
    auth_us: float
    """CPU microseconds of the auth service, per request."""
    rate: float
    """Requests per second."""
    busy: float
    """Share of the time that what is measured spent on a CPU."""
    callouts: float
    """Questions to the auth service, per request."""


@dataclass
class Case:
    """One kind of request to one subject, and what each round measured."""

    name: str
    subject: str
    request: Request
    status_class: str = "2xx"
    numbers: Numbers = field(default_factory=Numbers)
    samples: list[Sample] = field(default_factory=list)
    paced: list[Load] = field(default_factory=list)
    """What wrk saw at a moderate rate."""

    @property
    def cpu_us(self) -> list[float]:
        return [sample.cpu_us for sample in self.samples]

    def median(self, figure: str) -> float:
        """Over the rounds, of one of the fields of `Sample`."""
        return median(getattr(sample, figure) for sample in self.samples)


def find(cases: list[Case], name: str, subject: str) -> Case:
    return next(case for case in cases if (case.name, case.subject) == (name, subject))


def cpu_added(case: Case, cases: list[Case], baseline: str = "none") -> float:
    """CPU microseconds that a subject adds to the same request of another: the median of each round's difference."""
    other = find(cases, case.name, baseline)
    return median(a - b for a, b in zip(case.cpu_us, other.cpu_us, strict=True))


def all_cases(key_count: int) -> list[Case]:
    """Everything that is measured, in the order of the report; `key_count` keys are many."""
    reads = [Case("read", subject, read(keys.READ)) for subject in (*COMPARED, *STEPS, "quiet")]
    writes = [Case("write", subject, write(keys.WRITE)) for subject in COMPARED]
    denied = [Case("denied", subject, administer(keys.READ), "4xx") for subject in DECIDING]
    # Envoy ends a connection on which it answers before the request's body has come, as it does where the filter
    # refuses from its cache; so this pays for connections too.
    denied.append(Case("denied-body", "authz", write(keys.READ), "4xx"))
    cold = [Case("cold", subject, read(NUMBERED)) for subject in CACHING]
    # The same work for the load generator, which writes a number into each request.
    many = Numbers(keys=key_count, order="random")
    keys_cases = [
        Case("one-key", "keys", read(NUMBERED), numbers=Numbers(order="random")),
        Case("many-keys", "keys", read(NUMBERED), numbers=many),
    ]
    tags = [
        Case("tag", "authz", tag(keys.WRITE)),
        Case("tag", "inspect", tag(keys.WRITE)),
        Case("tag-narrow", "inspect", tag(NARROW)),
    ]
    reader = issued.token(issued.READ)
    tokens = [Case("token-read", subject, read(reader)) for subject in TOKENS]
    tokens += [Case("token-denied", subject, administer(reader), "4xx") for subject in TOKENS[1:]]
    return [*reads, *writes, *denied, *cold, *keys_cases, *tags, *tokens]
