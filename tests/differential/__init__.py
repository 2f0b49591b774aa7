"""The filter's reading of requests, compared with the real MLflow server's own routing."""
