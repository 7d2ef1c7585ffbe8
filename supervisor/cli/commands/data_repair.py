"""cryptobot data repair"""

from ..delegate import delegated, history

command = delegated("Ask the venue again for candles that are missing.", history("repair"))
