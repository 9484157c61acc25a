"""The sample shop: customers and a year of events that never happened, from one seed."""
