"""cryptobot db check"""

from ..delegate import database, delegated

command = delegated("Read every database whole and say whether it is sound.", database("check"))
