"""The families of routes, a module for each: a function that makes a router for a site."""
