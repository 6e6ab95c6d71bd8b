"""The `suda` command. Each command is a thin shell over a function that prints nothing."""
