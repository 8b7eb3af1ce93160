"""``python -m tarea2`` is the command ``tarea2``."""

from tarea2.commands.cli import main

if __name__ == "__main__":
    main()
