"""Sends a span with OpenTelemetry's own exporter over HTTP, which knows nothing of MLflow; prints the trace's id."""

import sys

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

endpoint, key, experiment, mark = sys.argv[1:]
exporter = OTLPSpanExporter(
    endpoint, headers={"authorization": f"Bearer {key}", "x-mlflow-experiment-id": experiment}, timeout=30
)
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
with provider.get_tracer("story").start_as_current_span(mark) as span:
    trace = span.get_span_context().trace_id
provider.shutdown()
print(f"tr-{trace:032x}")
