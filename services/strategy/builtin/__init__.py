"""The bundled strategies, one file each.

`NAMES` is what the loader reads: a frozen program cannot scan a folder.
"""

NAMES = {
    "breakout": "breakout:Breakout",
    "dca": "dca:DollarCostAveraging",
    "ema-cross": "ema_cross:EmaCross",
    "grid": "grid:Grid",
    "macd-trend": "macd_trend:MacdTrend",
    "market-maker": "market_maker:MarketMaker",
    "mean-reversion": "mean_reversion:MeanReversion",
    "momentum": "momentum:Momentum",
    "pair-spread": "pair_spread:PairSpread",
    "rotation": "rotation:MomentumRotation",
    "rsi-dip": "rsi_dip:RsiDip",
}
