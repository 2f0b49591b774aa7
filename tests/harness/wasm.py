"""The names that a compiled module imports and exports (WebAssembly core specification, 5.5)."""

from pathlib import Path

_HEADER = 8
_IMPORTS, _EXPORTS = 2, 7
_FUNCTION = 0


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        """LEB128, unsigned."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def name(self) -> str:
        size = self.number()
        self.at += size
        return self.data[self.at - size : self.at].decode()


def functions(module: Path) -> tuple[set[str], set[str]]:
    """The functions that a module imports, whatever from, and those it exports."""
    data = module.read_bytes()
    imported: set[str] = set()
    exported: set[str] = set()
    reader = _Reader(data, _HEADER)
    while reader.at < len(data):
        section, size = reader.byte(), reader.number()
        end = reader.at + size
        if section in (_IMPORTS, _EXPORTS):
            for _ in range(reader.number()):
                if section == _IMPORTS:
                    reader.name()
                name = reader.name()
                assert reader.byte() == _FUNCTION or section == _EXPORTS, f"{name} is no function"
                reader.number()
                (imported if section == _IMPORTS else exported).add(name)
        reader.at = end
    return imported, exported
