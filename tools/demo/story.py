"""What scripts/demo tries, with which key, and what must come of it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from sources import Caller

EXPERIMENT = "churn"
MODEL = "churn-model"


# What may say to MLflow's client who it is.
CREDENTIALS = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_CLIENT_CERT_PATH", "MLFLOW_TRACKING_SERVER_CERT_PATH")


@dataclass(frozen=True)
class Trial:
    """One thing tried through MLflow's client.

    `status` and `reason` are what the decisive answer must have: the refusal, or else the last answer.
    `reason` is the filter's; None means that MLflow must be the one to answer.
    """

    what: str
    caller: Caller
    action: Callable[[], object]
    status: int = 200
    reason: str | None = None

    def perform(self) -> None:
        """Performs the action as the caller; raises what MLflow's client raises."""
        for name in CREDENTIALS:
            os.environ.pop(name, None)
        os.environ.update(self.caller.environment)
        self.action()


class Story:
    """The trials, in order: what the writer makes is what the reader then reads."""

    def __init__(self, workdir: Path, callers: dict[str, Caller]) -> None:
        self._client = MlflowClient()
        self._workdir = workdir
        self._callers = callers
        self._weights = workdir / "weights.txt"
        self._weights.write_text("0.25 0.5 0.25\n")
        self._experiment = ""
        self._run = ""

    def trials(self) -> list[Trial]:
        missing = "scope_missing"
        nobody, unknown, reader, writer = (self._callers[name] for name in ("nobody", "unknown", "reader", "writer"))
        return [
            Trial("search experiments", nobody, self._search_experiments, 401, "credential_missing"),
            Trial("search experiments", unknown, self._search_experiments, 401, "key_invalid"),
            Trial("create an experiment", writer, self._create_experiment),
            Trial("log a run with a metric and an artifact", writer, self._log_run),
            Trial("register a model", writer, self._register_model),
            Trial("create a version of it", writer, self._create_version),
            Trial("point the alias champion at it", writer, self._set_alias),
            Trial("search runs", reader, self._search_runs),
            Trial("search registered models", reader, self._search_models),
            Trial("download the artifact", reader, self._download),
            Trial("read a run that does not exist", reader, self._read_missing_run, 404),
            Trial("create a run", reader, self._create_run, 403, missing),
            Trial("register a model", reader, self._register_other_model, 403, missing),
            Trial("move the alias champion", reader, self._set_alias, 403, missing),
            Trial("upload an artifact to the run", reader, self._upload, 403, missing),
            Trial("delete the run", reader, self._delete_run, 403, missing),
            Trial("delete the run", writer, self._delete_run, 403, missing),
        ]

    # Each action checks what it got: a row counts as done only if MLflow's answer was of use.

    def _search_experiments(self) -> None:
        self._client.search_experiments()

    def _create_experiment(self) -> None:
        self._experiment = self._client.create_experiment(EXPERIMENT)

    def _log_run(self) -> None:
        with mlflow.start_run(experiment_id=self._experiment, run_name="baseline") as run:
            mlflow.log_metric("auc", 0.91)
            mlflow.log_artifact(str(self._weights), artifact_path="model")
        self._run = run.info.run_id

    def _register_model(self) -> None:
        self._client.create_registered_model(MODEL)

    def _create_version(self) -> None:
        source = f"{self._client.get_run(self._run).info.artifact_uri}/model"
        version = self._client.create_model_version(MODEL, source, run_id=self._run)
        _expect(int(version.version), 1)

    def _set_alias(self) -> None:
        self._client.set_registered_model_alias(MODEL, "champion", "1")

    def _search_runs(self) -> None:
        runs = self._client.search_runs([self._experiment])
        _expect([run.data.metrics.get("auc") for run in runs], [0.91])

    def _search_models(self) -> None:
        models = self._client.search_registered_models()
        # MLflow 3 gives a version's number as an int here and as a string there.
        aliases = [{alias: int(at) for alias, at in model.aliases.items()} for model in models]
        _expect(aliases, [{"champion": 1}])

    def _download(self) -> None:
        path = self._client.download_artifacts(self._run, "model/weights.txt", str(self._workdir))
        _expect(Path(path).read_text(), self._weights.read_text())

    def _read_missing_run(self) -> None:
        self._client.get_run("0" * 32)

    def _create_run(self) -> None:
        self._client.create_run(self._experiment)

    def _register_other_model(self) -> None:
        self._client.create_registered_model("my-own-model")

    def _upload(self) -> None:
        self._client.log_artifact(self._run, str(self._weights), "model")

    def _delete_run(self) -> None:
        self._client.delete_run(self._run)


def _expect(found: object, wanted: object) -> None:
    if found != wanted:
        raise AssertionError(f"MLflow answered {found!r} instead of {wanted!r}")
