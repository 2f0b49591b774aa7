"""Entries for endpoints without one, as a maintainer pastes them into src/catalog/entries and reviews them."""

import re
from typing import Any

from .compare import Answers

Row = dict[str, Any]

ACCESS = {"read": "Read", "search": "Read", "list": "Read", "use": "Use", "invoke": "Use", "create": "Write",
          "register": "Write", "update": "Write", "delete": "Delete", "manage": "Admin", "admin": "Admin"}  # fmt: skip
"""What a validator's name says; of several words the last in this order, which is the strictest."""


def proposals(missing: list[Row], answers: Answers, catalog: list[Row]) -> list[str]:
    """The text of one entry for each handler."""
    by_handler: dict[str, list[Row]] = {}
    for endpoint in missing:
        by_handler.setdefault(endpoint["handler"], []).append(endpoint)
    return [_entry(handler, endpoints, answers, catalog) for handler, endpoints in by_handler.items()]


def _entry(handler: str, endpoints: list[Row], answers: Answers, catalog: list[Row]) -> str:
    validators = {endpoint["validator"] for endpoint in endpoints}
    access = max((_access(endpoint) for endpoint in endpoints), key=list(dict.fromkeys(ACCESS.values())).index)
    validator = next((each for each in validators if each), None)
    lines = [f"// handler:   {answers.at(handler)}"]
    lines += [f"// validator: {answers.at(each)}" for each in sorted(validators, key=str)]
    lines += [
        "op(",
        f'    "{_operation(handler)}",',
        f"    {_object(endpoints[0]['path'], catalog)},",
        f"    {access},",
        f'    "{validator or handler}",',
        "    &[",
        *(f"        {route}," for route in _routes(endpoints, answers.release)),
        "    ],",
        "),",
    ]
    return "\n".join("    " + line for line in lines)


def _operation(handler: str) -> str:
    """MLflow's own name in UpperCamelCase, as the catalog has it."""
    name = handler.rpartition(" ")[2].strip("_").removesuffix("_handler").removesuffix("_impl")
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _access(endpoint: Row) -> str:
    """What the validator's name says, else what the method does. `Admin` where neither tells."""
    name = (endpoint["validator"] or "").rpartition(" ")[2]
    said = [access for word, access in ACCESS.items() if word in name.split("_")]
    if said:
        return said[-1]
    return {"GET": "Read", "DELETE": "Delete"}.get(endpoint["method"], "Admin" if endpoint["validator"] else "Write")


def _object(path: str, catalog: list[Row]) -> str:
    """That of the entries whose paths begin alike, else a word of the path, which the compiler then asks for."""
    segments = path.split("/")
    for length in range(len(segments), 4, -1):
        start = "/".join(segments[:length])
        objects = {row["object"] for row in catalog if row["path"] == start or row["path"].startswith(start + "/")}
        if len(objects) == 1:
            return _camel(objects.pop())
    word = next((word for word in segments[4:] if "{" not in word), "Server")
    return _camel(word.replace("-", "_").removesuffix("s"))


def _camel(word: str) -> str:
    return "".join(part.capitalize() for part in word.split("_"))


def _routes(endpoints: list[Row], release: str) -> list[str]:
    """`api(…)` for both mounts of a template, `ajax(…)` and `api_only(…)` for one."""
    major, minor = release.split(".")[:2]
    mounts: dict[tuple[str, str], set[str]] = {}
    for endpoint in endpoints:
        split = re.fullmatch(r"(/api|/ajax-api)/(.*)", endpoint["path"])
        mount, template = split.groups() if split else ("", endpoint["path"])
        mounts.setdefault((endpoint["method"], template), set()).add(mount)
    written = {
        frozenset({"/api", "/ajax-api"}): "api",
        frozenset({"/api"}): "api_only",
        frozenset({"/ajax-api"}): "ajax",
    }
    return [
        f'{written.get(frozenset(mount), "root")}(&["{method}"], "{template}").since(Release({major}, {minor}, 0))'
        for (method, template), mount in mounts.items()
    ]
