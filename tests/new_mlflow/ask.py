#!/usr/bin/env python3
"""Print what a real MLflow server runs for every route: the handler, and what the auth plugin asks before it.

Run it with the Python of an MLflow installation (`mlflow[auth]`); `scripts/new-mlflow` does, for two releases:

    .tools/mlflow-3.17.2/bin/python tests/new_mlflow/ask.py > 3.17.2.json

It prints one JSON object:

    {"release": "3.17.2",
     "endpoints": [{"method", "path", "app", "handler", "validator", "reaches"}],
     "functions": {"server/handlers.py _create_run": {"line", "source"}}}

`handler` and `validator` are keys of `functions`; `validator` is null for a route that the plugin lets every user call.
`reaches` are the plugin's other functions that the validator calls, itself or through others. The server is only imported.
"""

import importlib.util
import inspect
import json
import logging
import os
import re
import sys
import tempfile
import types
import warnings
from pathlib import Path

_spec = importlib.util.spec_from_file_location(
    "dump_routes", Path(__file__).resolve().parent.parent / "fixtures" / "routes" / "dump_routes.py"
)
dump_routes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(dump_routes)


class Request:
    """As much of a Flask request as the plugin looks at to find a validator."""

    def __init__(self, method, path, view_args):
        self.method, self.path, self.view_args = method, path, view_args


class Functions:
    """Python functions by where they stand: `server/handlers.py _create_run`."""

    def __init__(self):
        self.known = {}

    def key(self, function):
        """The key of a function, with its source kept; None for one without a source."""
        function = outermost(inspect.unwrap(getattr(function, "func", function)))
        try:
            lines, line = inspect.getsourcelines(function)
            file = inspect.getsourcefile(function)
        except (OSError, TypeError):
            return None
        place = file.rpartition("/mlflow/")[2] if "/mlflow/" in file else Path(file).name
        key = f"{place} {function.__name__}"
        self.known.setdefault(key, {"line": line, "source": "".join(lines)})
        return key

    def reached(self, function):
        """The keys of the functions of the same module that a function calls, itself or through others."""
        function = outermost(inspect.unwrap(getattr(function, "func", function)))
        found, waiting = {}, [function]
        while waiting:
            current = waiting.pop()
            names = set(names_in(current.__code__))
            for name in sorted(names):
                other = current.__globals__.get(name)
                if not isinstance(other, types.FunctionType) or other.__module__ != function.__module__:
                    continue
                key = self.key(other)
                if key and key not in found and other is not function:
                    found[key] = other
                    waiting.append(outermost(inspect.unwrap(other)))
        return sorted(found)


def names_in(code):
    """Every global name that a function's code, or a function within it, uses."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from names_in(constant)


def outermost(function):
    """The function of a module that a closure was made in, as it is what a reader looks for."""
    name, dot, _ = function.__qualname__.partition(".<locals>")
    made_in = getattr(sys.modules.get(function.__module__), name, None) if dot else None
    return made_in if isinstance(made_in, types.FunctionType) else function


def flask_validator(auth, request):
    """What the auth plugin of a Flask app asks before a request, or None."""
    if hasattr(auth, "_find_validator"):
        found = auth._find_validator(request)
    else:  # Releases before 2.20 look it up in place.
        found = auth.BEFORE_REQUEST_VALIDATORS.get((request.path, request.method))
    if found is None and hasattr(auth, "_get_proxy_artifact_validator") and "/mlflow-artifacts/" in request.path:
        found = auth._get_proxy_artifact_validator(request.method, request.view_args)
    return found


def fastapi_validator(auth, method, path):
    find = getattr(auth, "_find_fastapi_validator", None)
    if find is None:
        return None
    # Releases before 3.13 judge by the path alone.
    return find(path, method) if len(inspect.signature(find).parameters) > 1 else find(path)


def endpoints(functions):
    from mlflow.server import app as flask_app

    routes = dump_routes.collect()
    native = dump_routes.plain_fastapi_app()
    items = dump_routes.fastapi_items(native.routes) if native is not None else ()
    native_handlers = {(method, path): item.endpoint for path, methods, item in items for method in methods}
    auth = sys.modules.get("mlflow.server.auth")
    for row in routes:
        for method in row["methods"]:
            path = re.sub(r"\{\*?[\w.]+\}", "x", row["path"])
            if row["app"] == "flask":
                handler = flask_app.view_functions[row["endpoint"]]
                view_args = dict.fromkeys(re.findall(r"\{\*?([\w.]+)\}", row["path"]), "x")
                validator = auth and flask_validator(auth, Request(method, path, view_args))
            else:
                handler = native_handlers.get((method, row["path"]))
                validator = auth and fastapi_validator(auth, method, path)
            yield {
                "method": method,
                "path": row["path"],
                "app": row["app"],
                "handler": (handler and functions.key(handler)) or row["endpoint"],
                "validator": validator and functions.key(validator),
                "reaches": functions.reached(validator) if validator else [],
            }


def main():
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="mlflow-ask-") as directory:
        dump_routes.prepare(directory)
        # Whatever MLflow prints while it is imported must not end up in the answer.
        stdout = os.dup(1)
        os.dup2(2, 1)
        functions = Functions()
        try:
            import mlflow

            found = list(endpoints(functions))
        finally:
            sys.stdout.flush()
            os.dup2(stdout, 1)
            os.chdir("/")
    print(json.dumps({"release": mlflow.__version__, "endpoints": found, "functions": functions.known}))


if __name__ == "__main__":
    main()
