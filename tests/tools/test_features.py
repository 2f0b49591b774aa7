"""What ships is what is tested: Cargo's features, which it unifies over all crates that one call names."""

import subprocess

from harness import paths


def features(*arguments: str) -> dict[str, str]:
    """Of every crate that these arguments of Cargo build, by its name and version, the features it has then."""
    tree = subprocess.run(
        ["cargo", "tree", "--locked", "--offline", "--prefix", "none", "--format", "{p};{f}", *arguments],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: dict[str, str] = {}
    for line in tree.stdout.splitlines():
        crate, _, rest = line.partition(";")
        name = " ".join(crate.split()[:2])
        wanted = rest.removesuffix(" (*)")
        assert found.setdefault(name, wanted) == wanted, f"{name} is built twice"
    return found


def test_the_engine_is_tested_with_the_features_of_the_module() -> None:
    module = features(
        *("--package", "mlflow-authz-filter", "--target", "wasm32-wasip1"), "--edges", "normal,no-proc-macro"
    )
    # What `cargo test` without a package tests, as scripts/test calls it.
    tested = features("--edges", "normal,dev,no-proc-macro")
    engine = next(name for name in module if name.startswith("mlflow_authz "))
    assert tested[engine] == module[engine] == ""
    shared = module.keys() & tested.keys()
    assert {"serde_json", "http", "lru"} <= {name.split()[0] for name in shared}
    assert {name: tested[name] for name in shared} == {name: module[name] for name in shared}


def test_only_the_command_has_a_schema() -> None:
    """So it is the features that the test above would see, where they differ."""
    command = features("--package", "mlflow-authz-cli", "--edges", "normal,no-proc-macro")
    assert next(wanted for name, wanted in command.items() if name.startswith("mlflow_authz ")) == "schema"
    assert any(name.startswith("schemars ") for name in command)
