"""python -m serving.cli is the `suda` command."""

from serving.cli.main import main

main()
