"""What can be asked of the supervisor, and what it would do."""
