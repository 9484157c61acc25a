"""The templates of a playbook as Jinja alone would have them: nothing counted, nothing guarded."""

from __future__ import annotations

from jinja2 import Environment, FunctionLoader, Template, Undefined

from orchestrator.render.environment import MessageEnvironment
from orchestrator.render.library import Environments, Library, converted
from orchestrator.render.plans import Planner

KINDS = ("html", "text", "derived", "header", "json")


def bare_templates(planner: Planner) -> dict[Template, Template]:
    """Return, for each template that a planner has compiled, the same text compiled by Jinja.

    Texts, layouts, partials, filters and escaping are the same. Missing names print nothing
    instead of failing, which is Jinja's own default and its quickest.
    """
    environments: Environments = planner.environments
    bare = {kind: _bare(getattr(environments, kind), planner.library) for kind in KINDS}
    return {
        compiled: bare[kind].from_string(converted(getattr(environments, kind), text, name))
        for (kind, name, text), compiled in planner._compiled.items()
    }


def _bare(ours: MessageEnvironment, library: Library) -> Environment:
    def load(name: str) -> str:
        return converted(ours, library.texts[name], name)

    environment = Environment(
        autoescape=ours.escapes_html,  # noqa: S701 - as the templates of that kind have it
        undefined=Undefined,
        loader=FunctionLoader(load),
        trim_blocks=ours.trim_blocks,
        lstrip_blocks=ours.lstrip_blocks,
    )
    environment.filters.update(ours.filters)
    return environment
