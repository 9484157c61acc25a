"""Customer-lifecycle marketing as code: playbooks in, who gets which message out."""
