"""Audit records in any number, as the filter writes them, of a made-up week of traffic."""

import json
import random
from collections.abc import Iterator
from typing import IO

_API = "/api/mlflow/api/2.0/mlflow/"

# Method, path below the API, operation, object, access; how often.
_OPERATIONS = [
    ("POST", "runs/log-metric", "LogMetric", "run", "write", 30),
    ("POST", "runs/log-batch", "LogBatch", "run", "write", 20),
    ("GET", "runs/get", "GetRun", "run", "read", 15),
    ("POST", "runs/search", "SearchRuns", "run", "read", 10),
    ("POST", "runs/create", "CreateRun", "run", "write", 8),
    ("GET", "registered-models/get", "GetRegisteredModel", "registered_model", "read", 6),
    ("POST", "registered-models/create", "CreateRegisteredModel", "registered_model", "write", 4),
    ("POST", "model-versions/create", "CreateModelVersion", "model_version", "write", 3),
    ("POST", "registered-models/alias", "SetRegisteredModelAlias", "registered_model", "promote", 2),
    ("DELETE", "registered-models/delete", "DeleteRegisteredModel", "registered_model", "delete", 1),
    ("DELETE", "model-versions/delete", "DeleteModelVersion", "model_version", "delete", 1),
]
_SCOPES = [
    ["model:read"],
    ["model:write"],
    ["model:register"],
    ["model:read", "model:promote"],
    ["mlflow:write"],
]
_GRANTED = {
    "model:read": {"read"},
    "model:register": {"read", "write"},
    "model:write": {"read", "write", "promote"},
    "model:promote": {"promote"},
    "mlflow:write": {"read", "write", "promote"},
}


def generate(count: int, keys: int = 2000, seed: int = 6) -> Iterator[str]:
    """`count` records of `keys` keys, decided under the default scopes; one in fifty is of no valid key."""
    chance = random.Random(seed)
    weights = [operation[5] for operation in _OPERATIONS]
    drawn = chance.choices(_OPERATIONS, weights, k=min(count, 100_000))
    for number in range(count):
        method, path, operation, kind, access, _ = drawn[number % len(drawn)]
        key = int(keys * chance.random() ** 2)
        scopes = _SCOPES[key % len(_SCOPES)]
        reason = "scope_missing"
        if number % 50 == 49:
            user, key_id, scopes, reason = "null", "null", [], "key_invalid"
        else:
            user, key_id = f'"user_{key // 3}"', f'"key_{key}"'
            granted = set().union(*(_GRANTED[scope] for scope in scopes))
            # model:promote knows the registry only.
            if access in granted:
                reason = "allowed"
        decision = "allow" if reason == "allowed" else "deny"
        second, milli = divmod(number, 1000)
        minute, second = divmod(second, 60)
        hour, minute = divmod(minute, 60)
        yield (
            f'{{"time":"2026-11-{16 + hour // 24 % 7:02}T{hour % 24:02}:{minute:02}:{second:02}.{milli:03}Z",'
            f'"request_id":"{number:08x}-0000-4000-8000-000000000000","method":"{method}","target":"{_API}{path}",'
            f'"host":"registry.example","mount":"/api/mlflow","decision":"{decision}","reason":"{reason}",'
            f'"operation":"{operation}","object":"{kind}","access":"{access}","permission":"{kind}:{access}",'
            f'"user_id":{user},"key_id":{key_id},"scopes":{json.dumps(scopes, separators=(",", ":"))},"roles":[],'
            f'"admin":false,"route":"mlflow","client":"192.0.2.{number % 250}","mode":"enforce","stale":false}}\n'
        )


def write(file: IO[str], count: int, keys: int = 2000) -> None:
    """Writes `count` records."""
    file.writelines(generate(count, keys))
