"""The weights of models: which there are, where they lie, and fetching them by consent. Loads no model library."""
