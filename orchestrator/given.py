"""Many values, or rows, that a statement is given as one parameter, however many they are.

``IN (?, ?, …)`` is another text for each number of values, which is written, read and planned
anew. Here the text is always the same, and what is given travels in one piece.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, String, bindparam, column
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import NULLTYPE, TypeDecorator, TypeEngine


def among(what: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that a column is one of the values in a parameter of that name.

    Args:
        what: a column of whole numbers or of text.
    """
    return _Among(what, bindparam(name, type_=_Values(_plain(what.type))))


def rows_given(name: str, *columns: ColumnElement[Any]) -> TableValuedAlias:
    """Return the rows in a parameter of that name, a list of mappings, to update from.

    Args:
        columns: of whole numbers or of text, by the names that the mappings have.
    """
    own = [column(one.key or "", _plain(one.type)) for one in columns]
    return _Rows(bindparam(name, type_=_Mappings), *own).table_valued(*own, name=name)


def _plain(type: TypeEngine[Any]) -> TypeEngine[Any]:
    return BigInteger() if issubclass(type.python_type, int) else String()


class _Values(TypeDecorator[Any]):
    """A list: an array on PostgreSQL, JSON on SQLite."""

    impl = String
    cache_ok = True

    def __init__(self, of: TypeEngine[Any]) -> None:
        super().__init__()
        self.of = of

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return ARRAY(self.of) if dialect.name == "postgresql" else String()

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return list(value) if dialect.name == "postgresql" else json.dumps(list(value))


class _Mappings(TypeDecorator[Any]):
    """A list of mappings, as JSON."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return json.dumps(value, ensure_ascii=False)  # what no database takes is refused here too


class _Among(FunctionElement[Any]):
    """Whether the first is one of the second.

    It has no type: SQLite knows no truth values, and would be asked whether it ``= 1``, which no
    index answers.
    """

    inherit_cache = True
    type = NULLTYPE


@compiles(_Among, "postgresql")
def _any(element: _Among, compiler: SQLCompiler, **given: Any) -> str:
    what, values = (compiler.process(one, **given) for one in element.clauses)
    return f"{what} = ANY ({values})"


@compiles(_Among, "sqlite")
def _in(element: _Among, compiler: SQLCompiler, **given: Any) -> str:
    what, values = (compiler.process(one, **given) for one in element.clauses)
    return f"{what} IN (SELECT value FROM json_each({values}))"  # noqa: S608  # a column, a mark


class _Rows(FunctionElement[Any]):
    """What is given, and the columns it has."""

    inherit_cache = True


@compiles(_Rows, "postgresql")
def _recordset(element: _Rows, compiler: SQLCompiler, **given: Any) -> str:
    rows, *columns = element.clauses
    types = compiler.dialect.type_compiler_instance
    listed = ", ".join(f"{one.key} {types.process(one.type)}" for one in columns)
    text = f"CAST({compiler.process(rows, **given)} AS json)"
    return f"(SELECT * FROM json_to_recordset({text}) AS one({listed}))"  # noqa: S608  # names, a mark


@compiles(_Rows, "sqlite")
def _extracted(element: _Rows, compiler: SQLCompiler, **given: Any) -> str:
    rows, *columns = element.clauses
    listed = ", ".join(f"json_extract(value, '$.{one.key}') AS {one.key}" for one in columns)
    return f"(SELECT {listed} FROM json_each({compiler.process(rows, **given)}))"  # noqa: S608  # our own names
