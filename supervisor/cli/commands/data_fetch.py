"""cryptobot data fetch"""

from ..delegate import delegated, history

command = delegated("Fetch candles from a venue into the local history.", history("fetch"))
