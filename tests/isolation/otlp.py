"""OTLP's trace export in protobuf, as much of it as names a trace: opentelemetry/proto/trace/v1/trace.proto."""


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _time(number: int, value: int) -> bytes:
    return _varint(number << 3 | 1) + value.to_bytes(8, "little")


def _attribute(key: str, value: str) -> bytes:
    return _field(1, key.encode()) + _field(2, _field(1, value.encode()))


def export(trace_id: str, span_id: str, name: str, attributes: dict[str, str] | None = None) -> bytes:
    """One root span; the ids in hexadecimal digits."""
    span = _field(1, bytes.fromhex(trace_id)) + _field(2, bytes.fromhex(span_id)) + _field(5, name.encode())
    span += _time(7, 1_780_000_000_000_000_000) + _time(8, 1_780_000_001_000_000_000)
    for key, value in (attributes or {}).items():
        span += _field(9, _attribute(key, value))
    return _field(1, _field(2, _field(2, span)))
