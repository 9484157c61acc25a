"""E-mail as it goes over the wire: MIME, DKIM, SMTP. ``channels/email.py`` makes a channel of it.

``headers`` and ``addresses`` say what may stand in a header, ``bodies`` how a text is encoded,
``compose`` makes a message's bytes, ``dkim`` signs them; ``replies`` says what an answer of a
server means, ``wire`` is one socket, ``conversation`` what is said over it, ``pool`` several at
once.
"""
