"""Parquet, by pyarrow: an optional dependency."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from orchestrator.errors import EnvironmentFault
from orchestrator.importing.columns import FileRefusedError
from orchestrator.importing.jsonl_source import cell
from orchestrator.importing.rejects import row_text
from orchestrator.importing.sources import BATCH_ROWS, LONGEST_FIELD, Batch, Reading, Reject
from orchestrator.values import nfc


class ParquetSource:
    """A Parquet file; a list is ``a;b``, a timestamp ISO 8601, a null an empty cell."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        with self._open() as file:
            self.columns: tuple[str, ...] | None = _columns(file)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            from pyarrow.parquet import ParquetFile  # noqa: PLC0415  # optional, 0.2 s
        except ModuleNotFoundError as error:
            raise EnvironmentFault(
                "Parquet files need pyarrow, which is not installed.",
                help="Run: pip install 'clmctl[parquet]'",
            ) from error
        with self._seekable() as raw:
            try:
                file = ParquetFile(raw)
            except (OSError, ValueError) as error:
                raise FileRefusedError("the file is no Parquet file") from error
            with file:
                yield file

    def _seekable(self) -> BinaryIO:
        """Return the file, unpacked on the disk if it is a ``.gz``: Parquet is read from its end.

        Raises:
            FileRefusedError: a ``.gz`` cannot be unpacked to its end.
        """
        if self._reading.path.suffix != ".gz":
            return self._reading.path.open("rb")
        unpacked = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115  # returned open
        try:
            with self._reading.bytes() as raw:
                shutil.copyfileobj(raw, unpacked)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            unpacked.close()
            raise FileRefusedError("the file is no whole .gz") from error
        unpacked.seek(0)
        return unpacked

    def batches(self, reject: Reject) -> Iterator[Batch]:
        """Yield the rows; ``lines`` are row numbers."""
        columns = self.columns or ()
        number = 1
        with self._open() as file:
            for part in file.iter_batches(batch_size=BATCH_ROWS // 10):
                rows, lines = [], []
                cells = [[cell(value) for value in column.to_pylist()] for column in part.columns]
                for row in zip(*cells, strict=True):
                    reason = _refusal(row)
                    if reason is None:
                        rows.append(row)
                        lines.append(number)
                    else:
                        reject(number, reason, row_text(row))
                    number += 1
                yield Batch(columns, rows, lines)


def _refusal(row: tuple[str, ...]) -> str | None:
    if any("\0" in value for value in row):
        return "a NUL character"
    if any(len(value) > LONGEST_FIELD for value in row):
        return f"a field longer than {LONGEST_FIELD:,} characters"
    return None


def _columns(file: Any) -> tuple[str, ...]:
    names = tuple(nfc(name) for name in file.schema_arrow.names)
    for number, name in enumerate(names):
        if not name:
            raise FileRefusedError(f"the file names no column {number + 1}")
        if name in names[:number]:
            raise FileRefusedError(f'the file has two columns "{name}"')
    return names
