"""A module that cannot be imported."""

raise RuntimeError("this drum\nis broken")
