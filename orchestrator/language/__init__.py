"""The machinery the playbook language is written in: positions, shapes, words."""
