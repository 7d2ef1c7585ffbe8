"""cryptobot db migrate"""

from ..delegate import database, delegated

command = delegated("Bring the tables up to date.", database("migrate"))
