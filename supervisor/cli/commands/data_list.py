"""cryptobot data list"""

from ..delegate import delegated, history

command = delegated("List the series of the local history.", history("list"))
