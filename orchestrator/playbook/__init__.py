"""Playbooks: YAML files in, one checked ``Playbook`` or the list of its problems out."""
