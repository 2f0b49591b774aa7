"""Starts the real parts (Envoy, auth service, MLflow, an echo upstream) for tests and for scripts/demo.

Runs in the tests' environment and in MLflow's: beyond the standard library it needs PyYAML, and `http2`
needs h2.
"""
