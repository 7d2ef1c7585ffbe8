"""Users, sessions, passwords, permissions."""
