"""`python -m search`: the command line where its script isn't on the path."""

from search.cli.app import main

main()
