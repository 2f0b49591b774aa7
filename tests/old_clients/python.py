"""What a release of MLflow's client that knows nothing of workspaces makes, and reads back; in its own environment."""

import json
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
mark = sys.argv[1]
import mlflow
from mlflow import MlflowClient

client = MlflowClient()
experiment = client.create_experiment(mark)
mlflow.set_experiment(experiment_id=experiment)
with mlflow.start_run() as started:
    mlflow.log_param("depth", 3)
    mlflow.log_metric("loss", 0.5)
    mlflow.log_text(f"{mark} weights", "model/words.txt")
run = started.info.run_id
client.create_registered_model(mark)
client.create_model_version(mark, f"{started.info.artifact_uri}/model", run)
client.set_registered_model_alias(mark, "champion", "1")
read = {
    "release": mlflow.__version__,
    "experiment": client.get_experiment(experiment).name,
    "metric": client.get_run(run).data.metrics["loss"],
    "files": [each.path for each in client.list_artifacts(run, "model")],
    "words": Path(mlflow.artifacts.download_artifacts(f"runs:/{run}/model/words.txt")).read_text(),
    "version": int(client.get_model_version_by_alias(mark, "champion").version),
    "runs": [each.info.run_id == run for each in client.search_runs([experiment])],
    "experiments": [each.name for each in client.search_experiments()],
    "models": [each.name for each in client.search_registered_models()],
}
if hasattr(mlflow, "start_span"):
    with mlflow.start_span("asked") as span:
        span.set_inputs({"words": mark})
    if hasattr(mlflow, "flush_trace_async_logging"):
        mlflow.flush_trace_async_logging()
    (trace,) = client.search_traces(experiment_ids=[experiment])
    read["trace"] = json.loads(trace.data.request)
print(json.dumps(read))
