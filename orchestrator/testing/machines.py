"""What tests found, for machines: the document ``clmctl.test/1``, and JUnit XML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET  # written here, never read

from orchestrator.language.marks import Problem
from orchestrator.playbook.report import as_json, headline
from orchestrator.report.contracts import instant_text
from orchestrator.report.layout import Page, printable
from orchestrator.testing.compare import Row, Way
from orchestrator.testing.coverage import Coverage
from orchestrator.testing.judge import Verdict
from orchestrator.testing.report import verdict_lines
from orchestrator.testing.words import expected_text, seen_text

FORMAT = "clmctl.test/1"


def document_of(
    verdicts: Sequence[Verdict], problems: Sequence[Problem], coverage: Coverage | None
) -> dict[str, Any]:
    """Return the document of ``test -o json``.

    Args:
        problems: of files that could not be read as tests.
    """
    document: dict[str, Any] = {
        "format": FORMAT,
        "passed": sum(one.passed for one in verdicts),
        "failed": sum(one.failed for one in verdicts),
        "broken": sum(one.broken for one in verdicts),
        "problems": as_json(problems)["problems"],
        "tests": [_verdict(one) for one in verdicts],
    }
    if coverage is not None:
        shown, all = coverage.counts()
        document["coverage"] = {
            "shown": shown,
            "of": all,
            "gaps": [
                {
                    "flow": gap.name if gap.kind == "flow" else None,
                    "kind": gap.kind,
                    "name": gap.name,
                    "at": str(gap.mark),
                    "says": gap.says,
                }
                for gap in coverage.gaps()
            ],
        }
    return document


def _verdict(verdict: Verdict) -> dict[str, Any]:
    test = verdict.test
    result = "passed" if verdict.passed else "broken" if verdict.broken else "failed"
    return {
        "test": test.test,
        "flow": str(test.flow),
        "at": str(test.mark),
        "result": result,
        "seconds": round(verdict.seconds, 3),
        "problems": as_json(verdict.problems)["problems"],
        "customers": [_way(way) for way in verdict.ways],
    }


def _way(way: Way) -> dict[str, Any]:
    return {
        "customer": way.customer,
        "at": str(way.mark),
        "as_expected": not way.differs,
        "wrong": way.wrong,
        "timeline": [_row(row) for row in way.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    wanted, seen = row.wanted, row.seen
    return {
        "expected": wanted and {"at": instant_text(wanted.at), "says": expected_text(wanted.said)},
        "actual": seen and {"at": instant_text(seen.at), "says": seen_text(seen)},
        "differs": list(row.differs),
    }


def junit(verdicts: Sequence[Verdict], problems: Sequence[Problem], texts: dict[str, str]) -> str:
    """Return the tests as JUnit XML, a test suite per file.

    Source: https://github.com/testmoapp/junitxml
    """
    root = ET.Element("testsuites", name="clmctl test")
    by_file: dict[str, list[Verdict]] = {}
    for one in verdicts:
        by_file.setdefault(one.test.mark.path, []).append(one)
    for path, found in by_file.items():
        suite = ET.SubElement(root, "testsuite", name=path, tests=str(len(found)))
        suite.set("failures", str(sum(one.failed for one in found)))
        suite.set("errors", str(sum(one.broken for one in found)))
        suite.set("time", f"{sum(one.seconds for one in found):.3f}")
        for one in found:
            _case(suite, one, texts)
    for problem in problems:
        suite = ET.SubElement(root, "testsuite", name=problem.mark.path, tests="1", errors="1")
        case = ET.SubElement(suite, "testcase", name="the file", classname=problem.mark.path)
        ET.SubElement(case, "error", message=headline(problem)).text = problem.help or ""
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, verdict: Verdict, texts: dict[str, str]) -> None:
    test = verdict.test
    case = ET.SubElement(suite, "testcase", name=printable(test.test), classname=str(test.flow))
    case.set("file", test.mark.path)
    case.set("line", str(test.mark.line))
    case.set("time", f"{verdict.seconds:.3f}")
    if verdict.passed:
        return
    lines = list(verdict_lines(verdict, texts, Page(100)))
    found = ET.SubElement(case, "error" if verdict.broken else "failure")
    found.set("message", f"{test.test}: not as expected")
    found.text = "\n".join(map(_xml_safe, lines))


def _xml_safe(line: str) -> str:
    """Return a line without the characters that XML 1.0 cannot hold."""
    return "".join(max(c, " ") for c in line)
