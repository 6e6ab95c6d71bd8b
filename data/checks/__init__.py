"""What may be wrong with labelled texts: one check a module, a score per row, a sentence."""
