"""The risk service: limits over the whole account, told to trade as a verdict every second."""
