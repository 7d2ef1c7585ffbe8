"""The bundled strategies, one file each.

`NAMES` is what the loader reads: a frozen program cannot scan a folder.
"""

NAMES = {
    "ema-cross": "ema_cross:EmaCross",
}
