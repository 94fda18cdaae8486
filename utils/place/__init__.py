"""The place without the person: one picture of what a shot saw of it."""
