"""JupyterHub for the course: its configuration, its life, and a class of bot students that rehearses it."""
