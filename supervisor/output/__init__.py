"""What the children and the supervisor write: pipes, the log keeper, files that rotate."""
