"""What tests/mlflow/test_narrow_client.py is made of: a contributor whose key is limited to acme-*, and what is globex's."""
