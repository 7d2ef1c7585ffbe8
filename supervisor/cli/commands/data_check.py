"""cryptobot data check"""

from ..delegate import delegated, history

command = delegated("Look for gaps and other oddities in the history.", history("check"))
