# shellcheck shell=bash
# Releases of MLflow for scripts: the one under test, those with known holes, old clients, any other for a while. lib.sh
# sources it; like there, each ensure_* makes one thing available and is quick when it already is.

# ensure_mlflow: sets and exports MLFLOW_PYTHON, the interpreter of an environment with MLflow's server.
ensure_mlflow() {
  local dir=$TOOLS/mlflow-$MLFLOW_VERSION
  [[ -f $dir/.complete ]] ||
    step "installing MLflow $MLFLOW_VERSION with its auth plugin (about 100 packages)"
  make_venv "$dir" "mlflow[auth]==$MLFLOW_VERSION"
  export MLFLOW_PYTHON=$dir/bin/python
}

# What a release of MLflow needs to be imported today, where its own requirements are too open.
MLFLOW_PINS=(
  'Flask-WTF<2'    # Up to 2.9 there is no extra `auth`: the auth plugin asks for this by an error message.
  'setuptools<81'  # `pkg_resources`, which releases up to 2.9 import.
  'SQLAlchemy<2.1' # FallbackAsyncAdaptedQueuePool, which 2.1 no longer has.
)

# use_mlflow VERSION: sets and exports MLFLOW_PYTHON, the interpreter of an environment with this release and its auth
# plugin. Call it in a subshell: unless it is the release under test, it is installed into .cache/ (about 1 GB, seconds) and
# removed when the subshell ends. A script that the subshell calls uses the same.
use_mlflow() {
  if [[ $1 == "$MLFLOW_VERSION" ]]; then
    ensure_mlflow
    return
  fi
  if [[ ${MLFLOW_IN_USE:-} != "$1" ]]; then
    install_mlflow "$1"
    export MLFLOW_IN_USE=$1
  fi
  export MLFLOW_PYTHON=$ROOT/.cache/mlflow-$1/bin/python
}

# install_mlflow VERSION: .cache/mlflow-VERSION, until the subshell ends.
install_mlflow() {
  local version=$1 dir=$ROOT/.cache/mlflow-$1 requirement="mlflow[auth]==$1"
  mkdir -p .cache
  # shellcheck disable=SC2064  # This release's folder, not the one when the subshell ends.
  trap "rm -rf '$dir' '$dir.lock'" EXIT
  step "installing MLflow $version (about 100 packages)"
  ensure_python
  ensure_uv
  # The mlflow-skinny of 3.18.0 was never published. What the release under test requires is what it imports.
  if ! "$UV" pip compile --quiet - <<<"$requirement" >/dev/null 2>&1; then requirement="mlflow[auth]==$MLFLOW_VERSION"; fi
  make_venv "$dir" "$requirement" "${MLFLOW_PINS[@]}"
  if [[ $requirement != *"==$version" ]]; then
    # python-multipart reads the uploads of skills, which came with 3.18.
    logged "$dir/release.log" "$UV" pip install --no-progress --python "$dir/bin/python" --no-deps "mlflow==$version" \
      python-multipart
  fi
}

# with_each_mlflow COMMAND RELEASE…: runs `COMMAND RELEASE` with MLFLOW_PYTHON of each release, one by one, and ends the script
# if it failed with one, after it has run with all.
with_each_mlflow() {
  local command=$1 release status failed=()
  shift
  for release in "$@"; do
    # Not `( … ) || …`: there, `set -e` would be off inside.
    set +e
    (
      set -e
      use_mlflow "$release"
      "$command" "$release"
    )
    status=$?
    set -e
    ((status == 0)) || failed+=("$release")
  done
  ((${#failed[@]} == 0)) || die "$command failed with MLflow ${failed[*]}; what went wrong stands above"
}

# covered_mlflows: the releases of MLflow that the catalog covers.
covered_mlflows() { python3 -I tests/harness/releases.py; }

# ensure_vulnerable_mlflow: releases with known holes, for tests/mlflow/test_advisories.py.
ensure_vulnerable_mlflow() {
  local new=$TOOLS/mlflow-$VULNERABLE_MLFLOW_VERSION old=$TOOLS/mlflow-$VULNERABLE_MLFLOW_2_VERSION
  [[ -f $new/.complete && -f $old/.complete ]] || step "installing two releases of MLflow with known holes"
  # What these releases import has been removed from later versions of these packages.
  make_venv "$new" "mlflow[auth]==$VULNERABLE_MLFLOW_VERSION" 'SQLAlchemy<2.1'
  make_venv "$old" "mlflow==$VULNERABLE_MLFLOW_2_VERSION" 'setuptools<81' 'SQLAlchemy<2.1'
}

# ensure_old_clients: MLflow's client in releases that know nothing of workspaces, and OpenTelemetry's exporter, for
# tests/mlflow/test_workspace_clients.py.
ensure_old_clients() {
  local version
  for version in $OLD_CLIENTS; do
    [[ -f $TOOLS/client-$version/.complete ]] || step "installing the client of MLflow $version (about 20 packages)"
    # `pkg_resources`, which 2.9.2 imports, and a span processor whose `_shutdown` 2.22 does not know yet.
    make_venv "$TOOLS/client-$version" "mlflow-skinny==$version" 'setuptools<81' 'opentelemetry-sdk<1.34'
  done
  make_venv "$TOOLS/client-otlp" "opentelemetry-exporter-otlp-proto-http==$OTLP_EXPORTER_VERSION"
}
