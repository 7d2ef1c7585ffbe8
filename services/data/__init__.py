"""Market data: from the venue to the bus, and its history."""
