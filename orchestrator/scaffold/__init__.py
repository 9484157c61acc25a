"""What a new project begins with: a template of playbooks, a stage model, the files around."""
