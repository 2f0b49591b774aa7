"""Holds objects of Istio against the models in the package cloudcoil-models-istio.

    python validate.py <objects.json      a list of objects in, a list of lists of complaints out

The package wants a newer Python and a library of its own, for its builders. Its models are plain pydantic
ones, which refuse unknown fields here; so the modules they import are stood in for, and annotations, where the
builders are named, are read only for the models' fields.
"""

import __future__

import importlib.metadata
import json
import sys
import types

import pydantic

GROUPS = {
    "extensions.istio.io/v1alpha1": "extensions/v1alpha1.py",
    "networking.istio.io/v1": "networking/v1.py",
    "networking.istio.io/v1alpha3": "networking/v1alpha3.py",
    "security.istio.io/v1": "security/v1.py",
}


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")


class Metadata(Strict):
    name: str
    namespace: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Builder:
    def __class_getitem__(cls, _: object) -> type:
        return cls


BUILDERS = ["BaseBuilder", "BaseModelBuilder", "BuilderContextBase", "GenericListBuilder", "ListBuilderContext"]


def stand_in(name: str, **contents: object) -> None:
    module = types.ModuleType(name)
    module.__dict__.update(contents)
    sys.modules[name] = module


def models(group: str) -> types.ModuleType:
    """The module with the models of a group, compiled from the installed package."""
    name = f"cloudcoil/models/istio/{GROUPS[group]}"
    file = next(f for f in importlib.metadata.files("cloudcoil.models.istio") or [] if str(f) == name)
    module = types.ModuleType(group)
    # pydantic resolves the fields' annotations here.
    sys.modules[group] = module
    flags = __future__.annotations.compiler_flag
    exec(compile(file.read_text(), name, "exec", flags=flags), module.__dict__)
    return module


def complaints(resource: dict) -> list[str]:
    group, kind = resource.get("apiVersion"), resource.get("kind")
    loaded = (sys.modules.get(group) or models(group)) if group in GROUPS else None
    model = getattr(loaded, str(kind), None)
    if model is None:
        return [f"{group} {kind}: no model"]
    try:
        model.model_validate(resource)
    except pydantic.ValidationError as error:
        return [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    return []


def main() -> None:
    stand_in("cloudcoil")
    stand_in("cloudcoil.apimachinery", ObjectMeta=Metadata)
    stand_in("cloudcoil.resources", Resource=Strict)
    others = dict.fromkeys([*BUILDERS, "Never", "Self"], Builder)
    stand_in("cloudcoil.pydantic", BaseModel=Strict, UNSET=None, **others)
    json.dump([complaints(resource) for resource in json.load(sys.stdin)], sys.stdout)


main()
