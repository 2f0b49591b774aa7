"""A bill of materials of one package of this workspace, as CycloneDX 1.5 (JSON), on standard output.

python tools/sbom PACKAGE TARGET >FILE

Crates whose code is in the program have the scope "required"; those that only built it, such as procedural macros,
"excluded". The same Cargo.lock and features give the same bytes: no time, no random serial number, no path.
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

Metadata = dict[str, Any]
Crate = tuple[str, str]
"""Name and version."""


def cargo(*arguments: str) -> str:
    return subprocess.run(["cargo", *arguments, "--locked"], check=True, stdout=subprocess.PIPE, text=True).stdout


def crates(package: str, target: str, kinds: str) -> set[Crate]:
    """The package and what it depends on. Asked of `cargo tree`, which knows what features this package alone has."""
    tree = cargo("tree", "--package", package, "--target", target, "--edges", kinds, "--prefix", "none")
    return {(name, version.removeprefix("v")) for name, version in (line.split()[:2] for line in tree.splitlines())}


def checksums(lock: Path) -> dict[Crate, str]:
    """SHA-256 of a crate's archive; crates of the workspace have none."""
    packages = tomllib.loads(lock.read_text())["package"]
    return {crate(each): each["checksum"] for each in packages if "checksum" in each}


def crate(package: Metadata) -> Crate:
    return package["name"], package["version"]


def component(package: Metadata, scope: ComponentScope | None, checksum: str | None) -> Component:
    name, version = package["name"], package["version"]
    return Component(
        type=ComponentType.LIBRARY if scope else ComponentType.APPLICATION,
        bom_ref=f"{name}@{version}",
        name=name,
        version=version,
        description=package["description"],
        scope=scope,
        licenses=[LicenseExpression(package["license"])] if package["license"] else [],
        # A crate of this workspace is in no registry, and so has no package URL.
        purl=PackageURL("cargo", name=name, version=version) if checksum else None,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else [],
    )


def bill(package: str, target: str) -> Bom:
    metadata = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", target))
    packages = {each["id"]: each for each in metadata["packages"]}
    known = checksums(Path(metadata["workspace_root"]) / "Cargo.lock")
    in_program = crates(package, target, "normal,no-proc-macro")
    listed = crates(package, target, "normal,build")

    components = {}
    for identifier, each in packages.items():
        if crate(each) in listed:
            scope = ComponentScope.REQUIRED if crate(each) in in_program else ComponentScope.EXCLUDED
            components[identifier] = component(each, scope, known.get(crate(each)))
    (root,) = (identifier for identifier in components if packages[identifier]["name"] == package)
    program = component(packages[root], None, None)

    bom = Bom(metadata=BomMetaData(component=program))
    bom.components.update(each for identifier, each in components.items() if identifier != root)
    components[root] = program
    for node in metadata["resolve"]["nodes"]:
        if node["id"] in components:
            kinds = {each["pkg"]: {kind["kind"] for kind in each["dep_kinds"]} for each in node["deps"]}
            needs = [each for each in kinds if each in components and kinds[each] & {None, "build"}]
            bom.register_dependency(components[node["id"]], [components[each] for each in needs])
    return bom


def main() -> None:
    package, target = sys.argv[1:]
    outputter = make_outputter(bill(package, target), OutputFormat.JSON, SchemaVersion.V1_5)
    written = json.loads(outputter.output_as_string())
    del written["serialNumber"], written["metadata"]["timestamp"]
    json.dump(written, sys.stdout, indent=2, ensure_ascii=False)
    print()


main()
