"""A TOML file and where its settings stand in it: tomllib keeps no line numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distsim.core.errors import InputError, nearest
from distsim.record.storage import read_file

MOST_BYTES = 10_000_000
"""The largest experiment file that is read."""

_KEY = re.compile(r"""\s*(?:"(?P<double>[^"]+)"|'(?P<single>[^']+)'|(?P<bare>[\w-]+))\s*(?P<next>[.=])""")
_HEADER = re.compile(r"""\s*\[+\s*["']?(?P<name>[\w-]+)["']?\s*[\].]""")


@dataclass(frozen=True)
class TomlFile:
    """The settings of a file, and its text."""

    path: Path
    text: str
    values: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> TomlFile:
        """Raises InputError where the file is missing (with the nearest other one), no text or not TOML."""
        import tomllib

        try:
            text = read_file(path, MOST_BYTES).decode()
            return cls(path, text, tomllib.loads(text.replace("\r\n", "\n")))
        except FileNotFoundError:
            others = [str(other) for other in path.parent.glob("*.toml")]
            raise InputError(f"there is no experiment file '{path}'{nearest(str(path), others)}") from None
        except InputError:
            raise
        except UnicodeDecodeError as error:
            raise InputError(f"experiment file '{path}' cannot be read: {error}") from error
        except RecursionError:
            raise InputError(f"{path}: not valid TOML: lists or tables lie too deep within each other") from None
        except ValueError as error:  # TOMLDecodeError, and numbers of more digits than Python reads
            raise InputError(f"{path}: not valid TOML: {error}") from error

    def origins(self) -> dict[str, str]:
        """File and line of every setting and table, and of the entries of tables as "table.entry"."""
        found: dict[str, str] = {}
        table = ""
        for number, line in enumerate(self.text.splitlines(), start=1):
            place = f"{self.path}, line {number}"
            if header := _HEADER.match(line):
                table = header["name"]
                found.setdefault(table, place)
            elif key := _KEY.match(line):
                name = key["double"] or key["single"] or key["bare"]
                found.setdefault(f"{table}.{name}" if table else name, place)
                if key["next"] == "." and not table and (entry := _KEY.match(line, key.end())):
                    found.setdefault(f"{name}.{entry['double'] or entry['single'] or entry['bare']}", place)
        return {**dict.fromkeys(self.values, str(self.path)), **found}
