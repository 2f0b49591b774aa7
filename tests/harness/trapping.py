"""The module with one of its functions made to trap, to see what becomes of a crash."""

from collections.abc import Iterator
from pathlib import Path

from . import paths

# Sections of a module (WebAssembly core specification, 5.5.2).
_IMPORTS, _EXPORTS, _CODE = 2, 7, 10
_FUNCTION = 0
_NO_LOCALS, _UNREACHABLE, _NOP, _END = b"\x00", b"\x00", b"\x01", b"\x0b"


def trapping_module(export: str, folder: Path) -> Path:
    """A copy of the filter in which the exported function ends in a trap at once; all else is as it was.

    The body keeps its length, so that nothing in the module moves.
    """
    module = bytearray(paths.wasm_module().read_bytes())
    begin, end = _body(bytes(module), export)
    rest = end - begin - len(_NO_LOCALS + _UNREACHABLE + _END)
    module[begin:end] = _NO_LOCALS + _UNREACHABLE + _NOP * rest + _END
    path = folder / f"traps_in_{export}.wasm"
    path.write_bytes(module)
    return path


def _body(module: bytes, export: str) -> tuple[int, int]:
    """Where the code of an exported function is."""
    imported = wanted = 0
    for section, at in _sections(module):
        count, at = _number(module, at)
        if section == _IMPORTS:
            # The linker makes no import but functions.
            imported = count
        elif section == _EXPORTS:
            wanted = dict(_exports(module, at, count))[export] - imported
        elif section == _CODE:
            for _ in range(wanted):
                size, at = _number(module, at)
                at += size
            size, at = _number(module, at)
            return at, at + size
    raise ValueError(f"the module has no code for {export}")


def _sections(module: bytes) -> Iterator[tuple[int, int]]:
    at = len(b"\0asm\1\0\0\0")
    while at < len(module):
        section = module[at]
        size, at = _number(module, at + 1)
        yield section, at
        at += size


def _exports(module: bytes, at: int, count: int) -> Iterator[tuple[str, int]]:
    for _ in range(count):
        size, at = _number(module, at)
        name, kind = module[at : at + size].decode(), module[at + size]
        index, at = _number(module, at + size + 1)
        if kind == _FUNCTION:
            yield name, index


def _number(module: bytes, at: int) -> tuple[int, int]:
    """A LEB128 number, and where it ends."""
    value = shift = 0
    while True:
        byte = module[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
