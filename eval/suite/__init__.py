"""The suite: everything measured about a served bundle, each figure beside its gate."""
