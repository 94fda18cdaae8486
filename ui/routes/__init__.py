"""The JSON API under /studio, one module per resource; its `routes(studio)` returns the router."""
