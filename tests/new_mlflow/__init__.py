"""What a release of MLflow changes for the catalog: see scripts/new-mlflow."""
