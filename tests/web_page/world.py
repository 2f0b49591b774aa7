"""What MLflow holds while its pages are looked at, made by MLflow's own client through Envoy."""

import json
from pathlib import Path

from harness import keys, mlflow_client
from harness.stack import Stack

STORY = """
import json, sys
import mlflow
from mlflow import MlflowClient

client = MlflowClient()
experiment = client.create_experiment("web-page")
mlflow.set_experiment("web-page")

def run(name):
    with mlflow.start_run(run_name=name) as started:
        mlflow.log_metric("loss", 0.5)
        mlflow.log_param("depth", 3)
        mlflow.log_text("said", "notes.txt")
    return started.info.run_id

first, second = run("seen in a browser"), run("another run")
logged = client.create_logged_model(experiment, "web-page-logged", source_run_id=first)
client.finalize_logged_model(logged.model_id, "READY")
client.create_registered_model("web-page-model")
client.create_model_version("web-page-model", f"models:/{logged.model_id}", run_id=first, model_id=logged.model_id)
mlflow.genai.register_prompt("web-page-prompt", "Hello {{name}}")
with mlflow.start_span("seen-trace") as span:
    span.set_inputs({"question": "why"})
    span.set_outputs({"answer": "because"})
mlflow.flush_trace_async_logging()
print(json.dumps({
    "experiment": experiment, "run": first, "run2": second, "model": "web-page-model",
    "prompt": "web-page-prompt", "logged_model": logged.model_id,
}))
"""


def make(stack: Stack, workdir: Path) -> dict[str, str]:
    """Makes it; the ids of what the pages show, by the words in their paths."""
    script = f"import os; os.environ['MLFLOW_TRACKING_TOKEN'] = {keys.FULL['key']!r}\n{STORY}"
    said = mlflow_client.run(script, [], stack, workdir)
    return json.loads(said.splitlines()[-1])
