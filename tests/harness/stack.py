"""Auth service, upstream and Envoy with the filter, wired together."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import keys as standard_keys
from .auth_service import AuthService
from .envoy import Envoy
from .envoy_config import Address, EnvoyOptions
from .http import Client
from .pool import Pool
from .upstream import EchoUpstream

MOUNT = "/api/mlflow"
"""Where envoy.yaml serves MLflow."""


class Stack:
    """One Envoy with all that stands behind it. What is not handed in is started here, and ended here."""

    def __init__(
        self,
        workdir: Path,
        *,
        keys: list[standard_keys.Key] | None = None,
        auth: AuthService | None = None,
        upstream: EchoUpstream | None = None,
        mlflow: Address | None = None,
        pool: Pool | None = None,
        **envoy_options: Any,
    ) -> None:
        """`keys` for an auth service of its own; `mlflow`: an address to use instead of an echo upstream;
        `pool`: where to take Envoy from, if one there can have this configuration.

        `envoy_options` are the fields of `EnvoyOptions`.
        """
        workdir.mkdir(parents=True, exist_ok=True)
        with ExitStack() as started:
            self.auth = auth or started.enter_context(AuthService(keys or standard_keys.STANDARD, workdir))
            if mlflow is None and upstream is None:
                upstream = started.enter_context(EchoUpstream())
            self._upstream = upstream
            options = EnvoyOptions(mlflow=mlflow or self.upstream.address, auth=self.auth.address, **envoy_options)
            self.envoy = started.enter_context(Envoy(options, workdir, pool=pool))
            self._started = started.pop_all()

    @property
    def upstream(self) -> EchoUpstream:
        """The echo upstream; a stack in front of a real MLflow has none."""
        assert self._upstream is not None, "this stack has no echo upstream"
        return self._upstream

    @property
    def url(self) -> str:
        """The root of MLflow as clients see it, through Envoy."""
        return self.envoy.url + MOUNT

    @property
    def client(self) -> Client:
        """Requests to Envoy's listener. Targets include the mount."""
        return Client(self.envoy.host, self.envoy.port)

    def stop(self) -> None:
        self._started.close()

    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
