"""The names a template uses, against what the catalog and the flows can give it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from jinja2 import nodes

from orchestrator.flow.steps.send import Send
from orchestrator.language.reader import suggest
from orchestrator.playbook.model import Flow, Message, Playbook
from orchestrator.playbook.vocabulary import names_of
from orchestrator.render.context import (
    LINK_NAMES,
    MESSAGE_NAMES,
    PROJECT_NAMES,
    ROOTS,
    attribute_names,
    entry_names,
    result_names,
)
from orchestrator.render.findings import Finding
from orchestrator.render.grammar import LATER_NAMES, path_of
from orchestrator.render.library import Library

_ALWAYS = frozenset({*ROOTS, "range", "loop", "super", "caller", "self", "varargs", "kwargs"})


@dataclass(frozen=True)
class KnownNames:
    """What may be named in one template."""

    loose: frozenset[str] = frozenset()
    """Names that other files of the same message define."""
    of: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Root → its names; a root that is not here may hold anything."""
    lacking: Mapping[str, str] = field(default_factory=dict)
    """Path → why it has no value, for some or for all: an error where nothing guards it."""
    results: frozenset[str] = frozenset()
    """Roots that are ids of steps that bring something back."""

    def without(self, roots: Collection[str]) -> KnownNames:
        """Return the same, with roots that may hold anything."""
        if not roots:
            return self
        of = {root: names for root, names in self.of.items() if root not in roots}
        lacking = {
            path: why for path, why in self.lacking.items() if path.partition(".")[0] not in roots
        }
        return KnownNames(self.loose, of, lacking, self.results)


def library_names(playbook: Playbook, library: Library) -> KnownNames:
    """Return what layouts and partials may name: they serve messages of all flows."""
    loose = {
        name
        for text in (*library.texts.values(), *_bodies(playbook))
        for name in stored_names(library, text)
    }
    events = names_of(playbook).events
    entries = {"at", "start", *(str(name) for props in events.values() for name in props)}
    variables = {str(name) for name in playbook.project.vars or {}}
    for flow in playbook.flows.values():
        variables.update(str(name) for name in flow.vars or {})
    of: dict[str, Collection[str]] = {
        **_same_for_all(playbook), "entry": entries, "vars": variables
    }  # fmt: skip
    results = frozenset(step for flow in playbook.flows for step in result_names(playbook, flow))
    return KnownNames(frozenset(loose | {"content"}), of, _unset(playbook), results)


def message_names(
    playbook: Playbook,
    message: Message,
    library: Library,
    senders: Sequence[tuple[Flow, Send]],
) -> KnownNames:
    """Return what the templates of a message may name, given the steps that send it."""
    flows = {str(flow.flow): flow for flow, _ in senders}
    bodies = [template.body for template in message.templates]
    reached = {name for body in bodies for name in library.reach(body)}
    texts = [library.texts[name] for name in reached]
    loose = {name for text in texts for name in stored_names(library, text)}
    of = dict(_same_for_all(playbook))
    lacking = dict(_unset(playbook))
    per_flow: dict[str, dict[str, Collection[str]]] = {"entry": {}, "vars": {}, "with": {}}
    shared = {str(name) for name in playbook.project.vars or {}}
    defaults = {str(name) for name in message.settings.with_ or {}}
    for name, flow in flows.items():
        per_flow["entry"][f"flow {name}"] = entry_names(playbook, name)
        per_flow["vars"][f"flow {name}"] = shared | {str(one) for one in flow.vars or {}}
    for flow, step in senders:
        place = f"step {step.own_id} of flow {flow.flow}"
        per_flow["with"][place] = defaults | {str(one) for one in step.with_ or {}}
    for root, givers in per_flow.items():
        if givers:
            of[root] = frozenset().union(*givers.values())
            lacking.update(_some_lack(root, givers))
    brought = {name: result_names(playbook, name) for name in flows}
    results = frozenset(step for steps in brought.values() for step in steps)
    for result in results:
        having = {f"flow {name}": steps.get(result, ()) for name, steps in brought.items()}
        of[result] = frozenset().union(*having.values())
        lacking.update(_some_lack(result, having))
    return KnownNames(frozenset(loose), of, lacking, results)


def _some_lack(root: str, givers: Mapping[str, Collection[str]]) -> Iterator[tuple[str, str]]:
    for place, names in givers.items():
        for name in frozenset().union(*givers.values()) - frozenset(names):
            yield f"{root}.{name}", f"is not given by {place}"


def _same_for_all(playbook: Playbook) -> dict[str, Collection[str]]:
    return {
        "customer": attribute_names(playbook),
        "message": MESSAGE_NAMES,
        "project": PROJECT_NAMES,
        "links": LINK_NAMES,
    }


def _unset(playbook: Playbook) -> dict[str, str]:
    project = playbook.project
    lacking = {}
    if project.postal_address is None:
        lacking["project.postal_address"] = "is not set in project.yaml"
    if project.links is None:
        lacking["project.base_url"] = "is not set in project.yaml"
        for name in LINK_NAMES:
            lacking[f"links.{name}"] = "needs links.base_url in project.yaml"
    return lacking


def _bodies(playbook: Playbook) -> Iterator[str]:
    for message in playbook.messages.values():
        for template in message.templates:
            yield template.body


def stored_names(library: Library, text: str) -> frozenset[str]:
    """Return the names that a template's text defines, wherever in it."""
    tree = library.tree(text)
    return frozenset(_stored(tree)) if tree is not None else frozenset()


def _stored(tree: nodes.Template) -> Iterator[str]:
    for name in tree.find_all(nodes.Name):
        if name.ctx in ("store", "param"):
            yield name.name
    for macro in tree.find_all(nodes.Macro):
        yield macro.name
    for imported in tree.find_all(nodes.Import):
        yield imported.target
    for some in tree.find_all(nodes.FromImport):
        yield from (name if isinstance(name, str) else name[1] for name in some.names)


def _rooted(name: str, known: KnownNames) -> str | None:
    """Return the help for a name that stands alone but belongs below a root: percent."""
    paths = [f"{root}.{name}" for root, names in known.of.items() if names and name in names]
    return f"write: {' or '.join(paths)}" if paths else None


def name_findings(tree: nodes.Template, known: KnownNames) -> Iterator[Finding]:
    """Yield the names of a template that nothing gives, each with the nearest right one."""
    own = frozenset(_stored(tree))
    right = own | known.loose | _ALWAYS | known.results
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name not in right and name.name not in LATER_NAMES:
            if name.name.startswith("__"):
                continue
            help = _rooted(name.name, known) or suggest(
                name.name, sorted({*ROOTS, *own, *known.results}), lead="templates know"
            )
            yield Finding(name.lineno, "CLM502", f'unknown name "{name.name}"', help, name.name)
    guarded, tested = _guards(tree)
    for node in _first_levels(tree):
        path = path_of(node)
        root, _, name_ = (path or "").partition(".")
        if path is None or root in own or root not in {*ROOTS, *known.results}:
            continue
        names = known.of.get(root)
        if names is not None and name_ not in names and not name_.startswith("__"):
            help = suggest(name_, names, lead=f"{root} has")
            yield Finding(node.lineno, "CLM502", f'unknown name "{path}"', help, _needle(node))
        elif path in known.lacking and id(node) not in guarded and path not in tested:
            yield Finding(
                node.lineno,
                "CLM502",
                f'"{path}" {known.lacking[path]}',
                f'give it there, or write: {path} | default("…")',
                _needle(node),
            )


def _first_levels(tree: nodes.Template) -> Iterator[nodes.Expr]:
    """Yield every ``root.name`` and ``root["name"]``."""
    for attribute in tree.find_all(nodes.Getattr):
        if isinstance(attribute.node, nodes.Name):
            yield attribute
    for item in tree.find_all(nodes.Getitem):
        if isinstance(item.node, nodes.Name) and isinstance(item.arg, nodes.Const):
            yield item


def _needle(node: nodes.Expr) -> str:
    path = path_of(node) or ""
    return path if isinstance(node, nodes.Getattr) else path.partition(".")[2]


def _guards(tree: nodes.Template) -> tuple[set[int], set[str]]:
    """Return nodes that stand under a ``default``, and paths that some condition asks about."""
    guarded = {id(one.node) for one in tree.find_all(nodes.Filter) if one.name in ("default", "d")}
    tests = [one.test for one in tree.find_all(nodes.If)]
    tests += [one.test for one in tree.find_all(nodes.CondExpr)]
    paths = {path_of(node) for test in tests for node in (test, *test.find_all(nodes.Getattr))}
    paths |= {path_of(one.node) for one in tree.find_all(nodes.Test)}
    return guarded, {path for path in paths if path}
