"""Records of finished points as a table, for scripts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from distsim.core.exported import tool
from distsim.record.jsonable import flat
from distsim.scaling.nest_timers import nest_timers
from distsim.scaling.report.summary import with_speed


class Records(list[Mapping[str, Any]]):
    """Records of points, a dictionary each, with the fields that docs/scaling.md lists; as a table by columns."""

    def columns(self) -> dict[str, list[Any]]:
        """Values by name of the field, entries of tables as "rates.E"; None where a record has no such field."""
        rows = [dict(flat(record)) for record in self]
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: [row.get(name) for row in rows] for name in names}

    def nest_timers(self) -> Records:
        """The same points in the columns that beNNch's plots read, with timers (s) by the names of NEST's."""
        return Records(nest_timers(record) for record in self)

    def to_pandas(self) -> Any:
        """The table as a ``pandas.DataFrame``; InputError where pandas is not installed."""
        return tool("pandas", ", or use columns()").DataFrame(self.columns())


def load_records(*folders: str | os.PathLike[str]) -> Records:
    """The records in output folders of scaling experiments; ``speedup`` and ``efficiency`` are relative to all of them.

    Raises InputError where a folder is none of the harness, a line is no record, or there are no records.
    """
    from distsim.scaling.report.command import read_all

    return Records(_with_speed(read_all([Path(folder) for folder in folders])))


def _with_speed(records: list[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    return (with_speed(record, records) for record in records)
