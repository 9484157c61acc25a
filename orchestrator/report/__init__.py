"""What a tick and an explanation tell, as text and as JSON. Pure."""
