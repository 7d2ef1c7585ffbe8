"""cryptobot data export"""

from ..delegate import delegated, history

command = delegated("Write a series as Parquet or CSV.", history("export"))
