"""Calls about accounts, fees and user data, and the few of /sapi and the futures that clients make."""

from .calls import Call, Security, endpoint
from .orders import RefusedError
from .units import text

_SIGNED = Security.SIGNED


@endpoint("GET /api/v3/account", method="account.status", security=_SIGNED, weight=20)
async def account(call: Call) -> object:
    exchange = call.exchange
    await exchange.desk.committed()
    fees = exchange.engine.fees
    hide = call.text("omitZeroBalances", "false") == "true"
    assets = exchange.engine.balances.assets(call.owner)
    return {
        "makerCommission": fees.maker // 10_000, "takerCommission": fees.taker // 10_000,
        "buyerCommission": 0, "sellerCommission": 0,
        "commissionRates": {"maker": text(fees.maker), "taker": text(fees.taker), "buyer": text(0),
                            "seller": text(0)},
        "canTrade": True, "canWithdraw": exchange.faults.may_withdraw, "canDeposit": False, "brokered": False,
        "requireSelfTradePrevention": False, "preventSor": False, "updateTime": call.now_ms,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": text(free), "locked": text(locked)}
            for asset, free, locked in assets if free or locked or not hide
        ],
        "permissions": ["SPOT"], "uid": 1 + list(exchange.desk.accounts).index(call.owner),
    }  # fmt: skip


@endpoint("GET /api/v3/account/commission", method="account.commission", security=_SIGNED, weight=20)
async def commission(call: Call) -> object:
    fees = call.exchange.engine.fees
    none = {"maker": text(0), "taker": text(0), "buyer": text(0), "seller": text(0)}
    return {
        "symbol": call.symbol(),
        "standardCommission": none | {"maker": text(fees.maker), "taker": text(fees.taker)},
        "specialCommission": none, "taxCommission": none,
        "discount": {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB",
                     "discount": text(0)},
    }  # fmt: skip


@endpoint("GET /api/v3/rateLimit/order", method="account.rateLimits.orders", security=_SIGNED, weight=40)
async def order_limits(call: Call) -> object:
    return call.exchange.limits.order_counts(call.owner)


@endpoint("GET /api/v3/myPreventedMatches", method="myPreventedMatches", security=_SIGNED, weight=20)
@endpoint("GET /api/v3/myAllocations", method="myAllocations", security=_SIGNED, weight=20)
async def nothing(call: Call) -> object:
    return []


# user data by listen key


@endpoint("POST /api/v3/userDataStream", "POST /api/v1/userDataStream", method="userDataStream.start",
          security=Security.KEY, weight=2)  # fmt: skip
async def start_stream(call: Call) -> object:
    return {"listenKey": call.exchange.listen_keys.start(call.owner)}


@endpoint("PUT /api/v3/userDataStream", "PUT /api/v1/userDataStream", method="userDataStream.ping",
          security=Security.KEY, weight=2)  # fmt: skip
async def keep_stream(call: Call) -> object:
    call.exchange.listen_keys.keep(call.owner, call.text("listenKey"))
    return {}


@endpoint("DELETE /api/v3/userDataStream", "DELETE /api/v1/userDataStream", method="userDataStream.stop",
          security=Security.KEY, weight=2)  # fmt: skip
async def stop_stream(call: Call) -> object:
    call.exchange.listen_keys.stop(call.owner, call.text("listenKey"))
    return {}


# what clients ask elsewhere


@endpoint("GET /sapi/v1/system/status")
async def system_status(call: Call) -> object:
    return {"status": 0, "msg": "normal"}


@endpoint("GET /sapi/v1/capital/config/getall", security=_SIGNED, weight=10)
async def coins(call: Call) -> object:
    rules = [market.rules for market in call.exchange.engine.markets.values()]
    balances = call.exchange.engine.balances
    names = sorted({name for r in rules for name in (r.base, r.quote)})
    return [
        {
            "coin": name, "name": name, "depositAllEnable": False, "withdrawAllEnable": False,
            "trading": True, "isLegalMoney": False, "free": text(balances.free(call.owner, name)),
            "locked": text(balances.locked(call.owner, name)), "freeze": "0", "withdrawing": "0",
            "ipoing": "0", "ipoable": "0", "storage": "0", "networkList": [],
        }
        for name in names
    ]  # fmt: skip


@endpoint("GET /sapi/v1/asset/tradeFee", security=_SIGNED)
async def trade_fee(call: Call) -> object:
    fees = call.exchange.engine.fees
    wanted = [call.symbol()] if "symbol" in call.parameters else list(call.exchange.engine.markets)
    return [
        {"symbol": name, "makerCommission": text(fees.maker), "takerCommission": text(fees.taker)}
        for name in wanted
    ]


@endpoint("GET /sapi/v1/account/apiRestrictions", security=_SIGNED)
async def restrictions(call: Call) -> object:
    return {
        "ipRestrict": False, "createTime": call.now_ms, "enableReading": True,
        "enableWithdrawals": call.exchange.faults.may_withdraw,
        "enableInternalTransfer": False, "enableMargin": False, "enableFutures": False,
        "permitsUniversalTransfer": False, "enableVanillaOptions": False, "enableFixApiTrade": False,
        "enableFixReadOnly": False, "enableSpotAndMarginTrading": True, "enablePortfolioMarginTrading": False,
    }  # fmt: skip


@endpoint("GET /sapi/v1/account/status", security=_SIGNED)
@endpoint("GET /sapi/v1/account/apiTradingStatus", security=_SIGNED)
async def account_status(call: Call) -> object:
    return {"data": "Normal"}


@endpoint("GET /fapi/v1/exchangeInfo")
@endpoint("GET /dapi/v1/exchangeInfo")
@endpoint("GET /eapi/v1/exchangeInfo")
async def no_futures(call: Call) -> object:
    """There are no futures and no options here; clients that load all markets at once are told so."""
    return {
        "timezone": "UTC", "serverTime": call.now_ms, "rateLimits": [], "exchangeFilters": [], "symbols": [],
        "optionSymbols": [],
    }  # fmt: skip


@endpoint("GET /sapi/v1/margin/allPairs", security=Security.KEY)
@endpoint("GET /sapi/v1/margin/isolated/allPairs", security=Security.KEY)
@endpoint("GET /sapi/v1/margin/allAssets", security=Security.KEY)
async def no_margin(call: Call) -> object:
    return []


def unknown() -> RefusedError:
    """The answer to a path that is not served."""
    return RefusedError(-1000, "This path is not served by the paper exchange.", 404)
