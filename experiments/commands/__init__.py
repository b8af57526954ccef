"""What the command line does, one file for each command, each with a ``main(args, registry)``."""
