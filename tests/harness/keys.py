"""The API keys that tests present, and what the auth service knows about each."""

import itertools
import json
from pathlib import Path
from typing import Any

Key = dict[str, Any]


def key(name: str, scopes: list[str] | None = None, **more: Any) -> Key:
    """One entry of the auth service's file; `more` may hold roles, is_admin, status, retry_after."""
    entry: Key = {"key": f"hk_live_{name}", "user_id": f"user_{name}", "key_id": f"key_{name}"}
    if scopes is not None:
        entry["scopes"] = scopes
    return {**entry, **more}


READ = key("read", ["model:read"])
REGISTER = key("register", ["model:register"])
WRITE = key("write", ["model:write"])
PROMOTE = key("promote", ["model:promote"])
DELETE = key("delete", ["model:delete"])
TRACKING = key("tracking", ["tracking:write"])
GATEWAY = key("gateway", ["gateway:use"])
FULL = key("full", ["mlflow:admin"])
ADMIN = key("admin", [], is_admin=True)
NO_SCOPES = key("no_scopes", [])
REFUSED = key("refused", [], status=403)
LIMITED = key("limited", [], status=429, retry_after=7)
UNKNOWN = "hk_live_unknown"
"""A key that no file holds."""

STANDARD = [
    READ,
    REGISTER,
    WRITE,
    PROMOTE,
    DELETE,
    TRACKING,
    GATEWAY,
    FULL,
    ADMIN,
    NO_SCOPES,
    REFUSED,
    LIMITED,
]


class FreshKeys:
    """Keys nobody has used before, so that no worker has them cached."""

    def __init__(self, scopes: list[str], count: int = 200) -> None:
        name = "_".join(scopes).replace(":", "_") or "none"
        self.entries = [key(f"fresh_{name}_{number:04}", scopes) for number in range(count)]
        self._next = itertools.cycle(self.entries)
        self._left = count

    def take(self) -> str:
        """A key that was never taken before."""
        if not self._left:
            raise RuntimeError("no fresh key is left: raise `count`")
        self._left -= 1
        return next(self._next)["key"]


def write(path: Path, entries: list[Key]) -> Path:
    """Writes the file that `auth-service --keys` reads."""
    path.write_text(json.dumps({"keys": entries}, indent=1))
    return path
