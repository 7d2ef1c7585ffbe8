"""The portfolio service: weights and rebalancing, history and returns, cost basis and tax lots."""
