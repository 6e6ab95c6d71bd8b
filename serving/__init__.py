"""How complaints come in and decisions go out."""
