"""Says which names a real MLflow server acts on when it gets a request, without having any data.

Run it with the Python of an MLflow installation, as a filter on standard input:

    .tools/mlflow-3.17.2/bin/python tests/differential/bodies_oracle.py

The first line out is {"servers": […]}. Then each line in is [server, request], the request being base64 of
the bytes on the connection, and each line out is [calls, status]: the calls that MLflow's own handlers made
to their stores, each as [method, {argument: text}], and the status of the answer, null where there is none.
An empty line ends a batch.

Parsers, routers, Flask, handlers and protobuf are the server's own. Replaced are the stores, which take notes
and answer as if everything existed, the thread between uvicorn and Flask, and FastAPI's two endpoints of
artifacts, whose first lines are repeated here. Middleware, which could only refuse, is left out.
"""

import base64
import importlib.util
import inspect
import json
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path
from types import SimpleNamespace

_spec = importlib.util.spec_from_file_location("server_oracle", Path(__file__).with_name("server_oracle.py").resolve())
server_oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(server_oracle)

NOTED = [
    "name",
    "new_name",
    "alias",
    "version",
    "source",
    "experiment_id",
    "experiment_name",
    "artifact_location",
    "run_id",
    "model_id",
    "stage",
    "path",
    "artifact_path",
]


class Store:
    """Notes each call, and answers as if everything existed. `classes` give the names of arguments."""

    def __init__(self, calls, classes, answers):
        self._calls, self._classes, self._answers = calls, classes, answers
        self._signatures = {}

    def __getattr__(self, method):
        if method.startswith("_"):
            raise AttributeError(method)

        def called(*args, **kwargs):
            given = self._arguments(method, args, kwargs)
            noted = {name: given[name] for name in NOTED if given.get(name) is not None}
            self._calls.append([method, {name: str(value) for name, value in noted.items()}])
            answer = self._answers.get(method)
            return answer(given) if answer else None

        return called

    def _arguments(self, method, args, kwargs):
        if method not in self._signatures:
            found = [getattr(c, method) for c in self._classes if hasattr(c, method)]
            self._signatures[method] = inspect.signature(found[0]) if found else None
        signature = self._signatures[method]
        if signature is None:
            raise SystemExit(f"a method of a store that is not known: {method}")
        return signature.bind(None, *args, **kwargs).arguments


class ArtifactRepository:
    """Where a server that proxies artifacts keeps them."""

    def __init__(self, calls):
        self._calls = calls

    def _note(self, method, path):
        self._calls.append([method, {"path": "" if path is None else str(path)}])

    def list_artifacts(self, path=None):
        self._note("list_artifacts", path)
        return []

    def delete_artifacts(self, path=None):
        self._note("delete_artifacts", path)

    def get_local_path(self, path):
        self._note("download_artifacts", path)
        raise ValueError("noted")

    def download_artifacts(self, path, dst_path=None):
        self._note("download_artifacts", path)
        raise ValueError("noted")

    def log_artifact(self, local_file, artifact_path=None):
        self._note("log_artifact", "/".join(filter(None, [artifact_path, os.path.basename(local_file)])))


def recorded_handlers(calls):
    """MLflow's handlers with stores that take notes into `calls`."""
    from mlflow.entities import Experiment
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel
    from mlflow.server import handlers
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking

    def model(given):
        return RegisteredModel(given.get("new_name") or given["name"], 0, 0)

    def version(given):
        return ModelVersion(given["name"], str(given.get("version") or "1"), 0, run_id="")

    def experiment(given):
        return Experiment(given.get("experiment_id") or "0", given.get("experiment_name") or "x", "s3://b", "active")

    answers = dict.fromkeys([f"{verb}_registered_model" for verb in ("create", "get", "update", "rename")], model)
    answers |= dict.fromkeys([f"{verb}_model_version" for verb in ("create", "get", "update")], version)
    answers |= {
        "transition_model_version_stage": version,
        "get_model_version_by_alias": version,
        "get_latest_versions": lambda given: [version(given)],
        "get_model_version_download_uri": lambda given: "s3://bucket/x",
        "get_experiment": experiment,
        "get_experiment_by_name": experiment,
        "create_experiment": lambda given: "7",
        # Whose artifacts contain every source below the artifacts of experiment 7.
        "get_run": lambda given: SimpleNamespace(info=SimpleNamespace(artifact_uri="mlflow-artifacts:/7")),
        "get_logged_model": lambda given: SimpleNamespace(artifact_location="mlflow-artifacts:/7"),
    }
    registry, tracking = Store(calls, [Registry], answers), Store(calls, [Tracking], answers)
    repository = ArtifactRepository(calls)
    handlers._get_model_registry_store = lambda *_: registry
    handlers._get_tracking_store = lambda *_: tracking
    handlers._get_artifact_repo_mlflow_artifacts = lambda *_: repository
    for name in ("_send_artifact", "_get_artifact_repository_for_uri", "get_artifact_repository"):
        if hasattr(handlers, name):
            setattr(handlers, name, lambda *_, **__: None)
    if hasattr(handlers, "deliver_webhook"):
        handlers.deliver_webhook = lambda **_: None
    return handlers


class Flask:
    """A Flask app as a WSGI server calls it, nothing run before or after the handlers."""

    def __init__(self, app):
        self.app = app
        for functions in (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs):
            functions.clear()

    def __call__(self, environ):
        statuses = []
        body = self.app.wsgi_app(environ, lambda status, headers, exc_info=None: statuses.append(status))
        if hasattr(body, "close"):
            body.close()
        return int(statuses[-1].split()[0])


def router_of(app, flask, calls):
    """FastAPI's router with Flask behind it and artifacts that are noted; other endpoints answer 501."""
    from mlflow.exceptions import MlflowException
    from mlflow.utils.uri import validate_path_is_safe
    from starlette.middleware.wsgi import build_environ

    async def artifact(scope, receive, send):
        try:
            path = validate_path_is_safe(scope["path_params"]["artifact_path"])
            calls.append([scope["method"].lower(), {"path": path}])
        except MlflowException:
            pass
        await server_oracle.empty_answer(send, 200)

    async def elsewhere(scope, receive, send):
        await server_oracle.empty_answer(send, 501)

    async def mounted(scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await server_oracle.empty_answer(send, flask(build_environ(scope, body)))

    def endpoint(path):
        return artifact if "/mlflow-artifacts/artifacts/" in path else elsewhere

    server_oracle.stub_routes(app.router.routes, endpoint, mounted)
    return app.router


class LaterLoop(server_oracle.Loop):
    """An event loop whose tasks run once all that the client sends is there."""

    def __init__(self):
        self.tasks = []

    def create_task(self, coroutine, **_):
        self.tasks.append(coroutine)
        return self.Task()

    def run(self):
        while self.tasks:
            coroutine = self.tasks.pop(0)
            try:
                coroutine.send(None)
            except StopIteration:
                continue
            # It waits for more of a body than comes.
            coroutine.close()


class Uvicorn(server_oracle.Uvicorn):
    def __call__(self, data):
        transport, loop = server_oracle.Transport(), LaterLoop()
        protocol = self.protocol(self.config, self.state, {}, _loop=loop)
        protocol.connection_made(transport)
        protocol.data_received(data)
        loop.run()
        self.state.connections.clear()
        self.state.tasks.clear()
        return transport.status()


def servers(calls):
    """What can be asked, by name."""
    recorded_handlers(calls)
    from mlflow.server import app as flask_app

    flask = Flask(flask_app)
    built = {"gunicorn": server_oracle.Gunicorn(flask)}
    try:
        from mlflow.server.fastapi_app import app
        from uvicorn.protocols.http.h11_impl import H11Protocol
    except ImportError:
        return built  # before MLflow 3
    router = router_of(app, flask, calls)
    built["h11"] = Uvicorn(router, H11Protocol)
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        return built
    return built | {"httptools": Uvicorn(router, HttpToolsProtocol)}


def main():
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="mlflow-oracle-") as directory:
        server_oracle.dump_routes.prepare(directory)
        os.environ["_MLFLOW_SERVER_SERVE_ARTIFACTS"] = "true"
        # Whatever MLflow prints must not end up between the answers.
        out = os.fdopen(os.dup(1), "w", buffering=1 << 16)
        os.dup2(2, 1)
        calls = []
        built = servers(calls)
        print(json.dumps({"servers": sorted(built)}), file=out, flush=True)
        for line in sys.stdin:
            if line == "\n":
                out.flush()
                continue
            name, request = json.loads(line)
            calls.clear()
            status = built[name](base64.b64decode(request))
            print(json.dumps([calls, status]), file=out)
        out.flush()
        os.chdir("/")


if __name__ == "__main__":
    main()
