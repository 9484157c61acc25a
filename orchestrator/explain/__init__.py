"""Why one customer does or does not enter one flow.

``entry`` runs a dry tick as far as the flow's entries and asks about one customer there;
``questions`` turns conditions into the columns of one select and reads the answers;
``starts`` tells about occurrences, ``standing`` about runs, ``said`` puts values in words.
"""
