"""What MLflow itself keeps apart between workspaces, measured on a real server."""
