"""cryptobot data import"""

from ..delegate import delegated, history

command = delegated("Take candle files into the local history.", history("import"))
