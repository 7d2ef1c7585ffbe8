"""cryptobot db backup"""

from ..delegate import database, delegated

command = delegated("Make verified backups.", database("backup"))
