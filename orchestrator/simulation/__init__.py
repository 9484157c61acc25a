"""Time travel: the production tick under a virtual clock, over a database nobody keeps."""
