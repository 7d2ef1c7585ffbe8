"""cryptobot db take-back"""

from ..delegate import database, delegated

command = delegated("Bring tables to the form of older backups, with their rows.", database("take-back"))
