"""`python -m tarim.cli`."""

from tarim.cli import main

main()
