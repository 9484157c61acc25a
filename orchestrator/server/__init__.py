"""What answers from outside: the links in messages, the callbacks of providers, health, figures."""
