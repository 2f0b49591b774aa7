"""Says which handler of a real MLflow server a request reaches, without running the handler.

Run it with the Python of an MLflow installation (`mlflow[auth]`), as a filter on standard input:

    .tools/mlflow-3.17.2/bin/python tests/differential/server_oracle.py [--static-prefix /p]

The first line out is {"servers": […]}: what this installation can be asked about. Then each line in is
[server, method, target, [[name, value], …]], text standing for bytes (Latin-1), and each line out is
[app, method, template] for a handler that would have run, in the syntax of the route fixtures, or the
status with which the server answers instead, or null when it closes the connection.

Everything between the socket and the handler is the server's own: uvicorn's or gunicorn's request
parser is fed the bytes of the request, the routers of FastAPI and Flask do what they do. Only what they
would call is replaced by something that takes a note, and middleware, which could only refuse, is left out.

[artifact path, "", path, []] asks what MLflow makes of an artifact's path before it uses it: null if it
refuses it.

A server is `<app>/<parser>`: `plain` is what `mlflow server` runs, `auth` has `--app-name basic-auth`;
`h11` and `httptools` are uvicorn's parsers, `rooted` is h11 with `--uvicorn-opts "--root-path /root"`, and
`gunicorn` serves Flask alone, as with `--gunicorn-opts`. Releases before 3.4 have only `gunicorn`, those before 2.3 only
`plain`.
"""

import argparse
import importlib.util
import json
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path

ADDRESS = ("127.0.0.1", 5000)
ROOT_PATH = "/root"
ARTIFACT_PATH = "artifact path"

_spec = importlib.util.spec_from_file_location(
    "dump_routes", Path(__file__).resolve().parent.parent / "fixtures" / "routes" / "dump_routes.py"
)
dump_routes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(dump_routes)


class Recorder:
    """The handler that the request at hand has reached."""

    def __init__(self):
        self.reached = None

    def note(self, app, method, template):
        if self.reached is not None:
            raise SystemExit(f"one request reached two handlers: {self.reached}, {template}")
        self.reached = [app, method, template]


class Flask:
    """A Flask app whose views only take notes. `url_map` is the set of rules to serve."""

    def __init__(self, app, url_map, recorder):
        self.app, self.url_map = app, url_map
        self.recorder = recorder

    def __call__(self, environ):
        """The status of the answer."""
        statuses = []
        self.app.url_map = self.url_map
        self.app.wsgi_app(environ, lambda status, headers, exc_info=None: statuses.append(status))
        return int(statuses[-1].split()[0])


def stub_flask(app, recorder):
    """Views take notes, and nothing runs before or after them."""
    from flask import request

    def view(**_):
        rule = dump_routes.template(request.url_rule.rule, dump_routes.FLASK_PARAMETER)
        recorder.note("flask", request.method, rule)
        return ""

    for endpoint in app.view_functions:
        app.view_functions[endpoint] = view
    for functions in (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs):
        functions.clear()


def copied_rules(app):
    """The rules of a Flask app as they are now."""
    url_map = app.url_map_class(host_matching=app.url_map.host_matching)
    url_map.strict_slashes, url_map.merge_slashes = app.url_map.strict_slashes, app.url_map.merge_slashes
    for rule in app.url_map.iter_rules():
        copy = rule.empty()
        copy.provide_automatic_options = rule.provide_automatic_options
        url_map.add(copy)
    return url_map


async def empty_answer(send, status):
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def stub_routes(routes, endpoint, mounted):
    """Each endpoint becomes the app that `endpoint` makes for its path, Flask's mount becomes `mounted`."""
    from fastapi.routing import APIRoute
    from starlette.routing import Mount

    for route in routes:
        candidates = getattr(route, "effective_candidates", None)
        original = getattr(route, "original_route", route)
        if candidates is not None:
            stub_routes(candidates(), endpoint, mounted)
        elif isinstance(original, APIRoute):
            route.app = endpoint(route.path)
        elif isinstance(route, Mount) and route.path == "":
            route.app = mounted
        else:
            raise SystemExit(f"a route of a kind this script does not know: {route!r}")


def stub_fastapi(app, flask, recorder):
    """The router of a FastAPI app: endpoints take notes, the Flask app is called as `flask`."""
    from starlette.middleware.wsgi import build_environ

    def endpoint(path):
        template = dump_routes.template(path, dump_routes.FASTAPI_PARAMETER)

        async def noted(scope, receive, send):
            recorder.note("fastapi", scope["method"], template)
            await empty_answer(send, 200)

        return noted

    async def mounted(scope, receive, send):
        await empty_answer(send, flask(build_environ(scope, b"")))

    stub_routes(app.router.routes, endpoint, mounted)
    return app.router


class Transport:
    """What uvicorn writes to; only the status line is kept."""

    def __init__(self):
        self.written = b""

    def get_extra_info(self, name, default=None):
        return {"peername": (ADDRESS[0], 40000), "sockname": ADDRESS}.get(name, default)

    def write(self, data):
        self.written += data

    def is_closing(self):
        return False

    def close(self):
        pass

    pause_reading = resume_reading = close

    def status(self):
        line = self.written.split(b"\r\n", 1)[0].split()
        return int(line[1]) if len(line) > 1 else None


class Loop:
    """As much of an event loop as uvicorn's protocols need for one request that never waits."""

    class Task:
        def add_done_callback(self, callback):
            pass

        def cancel(self):
            pass

    def create_task(self, coroutine, **_):
        try:
            coroutine.send(None)
        except StopIteration:
            return self.Task()
        raise SystemExit("the server waits for something")

    def call_later(self, *_):
        return self.Task()


class Uvicorn:
    """One of uvicorn's protocols in front of an ASGI app."""

    def __init__(self, app, protocol, root_path=""):
        from uvicorn.config import Config
        from uvicorn.server import ServerState

        self.protocol = protocol
        self.config = Config(app, http=protocol, log_config=None, lifespan="off", root_path=root_path)
        self.config.load()
        self.state = ServerState()

    def __call__(self, data):
        transport = Transport()
        protocol = self.protocol(self.config, self.state, {}, _loop=Loop())
        protocol.connection_made(transport)
        protocol.data_received(data)
        self.state.connections.clear()
        self.state.tasks.clear()
        return transport.status()


class Gunicorn:
    """gunicorn's parser in front of a WSGI app."""

    def __init__(self, flask):
        from gunicorn.config import Config
        from gunicorn.http.parser import RequestParser
        from gunicorn.http.wsgi import create

        self.flask, self.parser, self.create = flask, RequestParser, create
        self.config = Config()
        self.config.set("bind", f"{ADDRESS[0]}:{ADDRESS[1]}")

    def __call__(self, data):
        peer = (ADDRESS[0], 40000)
        try:
            request = next(self.parser(self.config, iter([data]), peer))
            _, environ = self.create(request, None, peer, ADDRESS, self.config)
        except Exception:
            # gunicorn answers each of its parser's errors with one status or another.
            return 400
        return self.flask(environ)


def servers(recorder):
    """What can be asked, by name."""
    from mlflow.server import app as flask_app

    plain_app = dump_routes.plain_fastapi_app()
    plain_rules = copied_rules(flask_app)
    auth_app = dump_routes.app_with_auth(flask_app)
    stub_flask(flask_app, recorder)

    apps = [("plain", plain_app, plain_rules)]
    if auth_app is not None:
        apps.append(("auth", auth_app, flask_app.url_map))
    built = {}
    for name, app, rules in apps:
        flask = Flask(flask_app, rules, recorder)
        built[f"{name}/gunicorn"] = Gunicorn(flask)
        if not hasattr(app, "router"):
            continue  # a release that serves Flask alone
        from uvicorn.protocols.http.h11_impl import H11Protocol

        router = stub_fastapi(app, flask, recorder)
        built[f"{name}/h11"] = Uvicorn(router, H11Protocol)
        built[f"{name}/rooted"] = Uvicorn(router, H11Protocol, ROOT_PATH)
        try:
            from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
        except ImportError:
            continue  # `mlflow` requires uvicorn without its extras
        built[f"{name}/httptools"] = Uvicorn(router, HttpToolsProtocol)
    return built


def request_bytes(method, target, headers):
    """The request as a client would write it; everything is Latin-1."""
    lines = [f"{method} {target} HTTP/1.1", "Host: mlflow.example"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def answer(server, recorder, method, target, headers):
    recorder.reached = None
    status = server(request_bytes(method, target, headers))
    return recorder.reached or status


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--static-prefix", default="")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="mlflow-oracle-") as directory:
        dump_routes.prepare(directory)
        if options.static_prefix:
            os.environ["_MLFLOW_STATIC_PREFIX"] = options.static_prefix
        # Whatever MLflow prints must not end up between the answers.
        out = os.fdopen(os.dup(1), "w", buffering=1 << 16)
        os.dup2(2, 1)
        recorder = Recorder()
        built = servers(recorder)
        print(json.dumps({"servers": sorted(built)}), file=out, flush=True)
        from mlflow.exceptions import MlflowException
        from mlflow.server import handlers

        for line in sys.stdin:
            if line == "\n":
                # The end of a batch.
                out.flush()
                continue
            name, method, target, headers = json.loads(line)
            if name == ARTIFACT_PATH:
                try:
                    # Older releases answer nothing about a path that they take as it is.
                    result = handlers.validate_path_is_safe(target) or target
                except (MlflowException, ValueError):
                    result = None
            else:
                result = answer(built[name], recorder, method, target, headers)
            print(json.dumps(result), file=out)
        out.flush()
        os.chdir("/")


if __name__ == "__main__":
    main()
    os._exit(0)  # Not after the threads that MLflow has started.
