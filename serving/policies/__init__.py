"""Policy packs kept in the store: uploaded, tried on past complaints, made to hold."""
