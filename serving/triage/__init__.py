"""Pure decisions over policy packs: no web, no store, no model loading."""
