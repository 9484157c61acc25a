"""One tick: facts up to now in, decisions out, written in one short transaction.

A tick evaluates on a snapshot into TEMP tables (``workspace``): stages and segments
(``states``), runs that end and customers who enter (``entries``), rounds of steps and
sends (``rounds``, ``tries``). A live tick then writes what it found (``apply``); a dry run
only reads it back (``results``). Both are the same statements up to that point.
"""
