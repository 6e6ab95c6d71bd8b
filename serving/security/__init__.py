"""Who may do what, what was done, and how customers' words are kept: no web, no database."""
