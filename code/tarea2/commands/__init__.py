"""What the command ``tarea2`` does, one module per kind of work."""
