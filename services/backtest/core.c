/* The compiled core of a backtest: calls a strategy on its candles and fills its plain market orders.

   Money is counted in whole units of a power of ten (128 bits), so nothing is rounded. What this file does
   is a part of engine.py and world.py, to the last digit; at the first order of another kind (a limit, a
   stop, a size of its own) `run` returns, and the Python form goes on from there. Prices that are no
   decimal of at most `price_digits` digits after the point, and sums beyond 2**120, end it in the same way.

   run(lane, on_candle, attributes, candle_type, columns, visits, names, values, told) -> visits done
*/
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <structmember.h>

typedef __int128 wide;
#define TOO_WIDE ((wide)1 << 120)
#define MOST_PRICE 1e15
#define MOST_LOTS ((wide)1000000000000000LL)

typedef struct {
    Py_ssize_t index;
    int sign;
    long long lots, number;
    wide flow, fee;
    PyObject *reason;
} Done;

typedef struct {
    PyObject_HEAD
    wide cash, paid;               /* scaled by 10**(price_digits + lot_digits + fee_digits); paid without fee_digits */
    long long held;                /* lots */
    long long lot, fee, fraction;  /* as whole numbers with lot_digits, fee_digits, fraction_digits after the point */
    int price_digits, lot_digits, fee_digits, fraction_digits;
    double price_scale;
    wide size_scale;               /* 10**(fee_digits + fraction_digits) */
    double close;                  /* of the candle on which the strategy is called */
    Py_ssize_t at, refused;
    long long placed;
    int stopped;                   /* an order came that this form does not know */
    Done *done; Py_ssize_t done_count, done_room;
    struct { int sign; long long lots, number; PyObject *reason; } *wish; Py_ssize_t wish_count, wish_room;
    PyObject *wishes;              /* the world's list: orders of other kinds */
    PyObject *general_buy, *general_sell;
    PyObject *position_type, *decimal_type, *flat, *position;
} Lane;

static wide ten_to(int power) { wide one = 1; while (power-- > 0) one *= 10; return one; }

static PyObject *number(Lane *lane, wide value, int digits) {
    char text[64]; int place = 63, count = 0, minus = value < 0;
    unsigned __int128 rest = minus ? -(unsigned __int128)value : (unsigned __int128)value;
    text[place] = 0;
    do {
        if (digits > 0 && count == digits) text[--place] = '.';
        text[--place] = (char)('0' + (int)(rest % 10)); rest /= 10; count++;
    } while (rest || count <= digits);
    if (minus) text[--place] = '-';
    return PyObject_CallFunction(lane->decimal_type, "s", text + place);
}

static PyObject *whole(wide value) {
    PyObject *high = PyLong_FromLongLong((long long)(value >> 64)), *low = PyLong_FromUnsignedLongLong((unsigned long long)value);
    PyObject *shift = PyLong_FromLong(64), *moved = NULL, *sum = NULL;
    if (high && low && shift) moved = PyNumber_Lshift(high, shift);
    if (moved) sum = PyNumber_Or(moved, low);
    Py_XDECREF(high); Py_XDECREF(low); Py_XDECREF(shift); Py_XDECREF(moved);
    return sum;
}

static int as_wide(PyObject *value, wide *out) {
    PyObject *shift = PyLong_FromLong(64), *high = shift ? PyNumber_Rshift(value, shift) : NULL;
    long long top = high ? PyLong_AsLongLong(high) : -1;
    unsigned long long bottom = PyLong_AsUnsignedLongLongMask(value);
    Py_XDECREF(shift); Py_XDECREF(high);
    if (PyErr_Occurred()) return -1;
    *out = ((wide)top << 64) | (wide)bottom;
    return 0;
}

/* The price as a whole number; 0 when it has more digits than are kept. */
static long long whole_price(Lane *lane, double price) {
    double scaled = nearbyint(price * lane->price_scale);
    return scaled >= 1.0 && scaled < MOST_PRICE && scaled / lane->price_scale == price ? (long long)scaled : 0;
}

static int wish_add(Lane *lane, int sign, long long lots, PyObject *reason) {
    if (lane->wish_count == lane->wish_room) {
        Py_ssize_t room = lane->wish_room ? lane->wish_room * 2 : 8;
        void *more = PyMem_Realloc(lane->wish, (size_t)room * sizeof *lane->wish);
        if (!more) { PyErr_NoMemory(); return -1; }
        lane->wish = more; lane->wish_room = room;
    }
    lane->wish[lane->wish_count].sign = sign;
    lane->wish[lane->wish_count].lots = lots;
    lane->wish[lane->wish_count].number = ++lane->placed;
    Py_INCREF(reason);
    lane->wish[lane->wish_count++].reason = reason;
    return 0;
}

/* The reason of a call without sizes: a borrowed reference, or NULL for a call of another kind. */
static PyObject *only_reason(Lane *lane, Py_ssize_t count, PyObject *const *arguments, PyObject *names, PyObject *empty) {
    if (count || PyList_GET_SIZE(lane->wishes)) return NULL;
    if (!names || PyTuple_GET_SIZE(names) == 0) return empty;
    if (PyTuple_GET_SIZE(names) != 1 || PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "reason")) return NULL;
    return arguments[0];
}

static PyObject *empty_text;

static PyObject *lane_buy(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *names) {
    Lane *lane = (Lane *)self;
    PyObject *reason = only_reason(lane, count, arguments, names, empty_text);
    long long price = reason ? whole_price(lane, lane->close) : 0;
    wide lots = 0;
    if (!price || lane->cash <= 0 || lane->cash >= TOO_WIDE / lane->fraction || price > MOST_PRICE / (double)lane->lot)
        return PyObject_Vectorcall(lane->general_buy, arguments, (size_t)count, names);
    lots = lane->cash * lane->fraction / ((wide)price * lane->lot * lane->size_scale);
    if (lots > MOST_LOTS) return PyObject_Vectorcall(lane->general_buy, arguments, (size_t)count, names);
    if (lots > 0) { if (wish_add(lane, 1, (long long)lots, reason)) return NULL; }
    else { lane->refused++; lane->placed++; }
    Py_RETURN_NONE;
}

static PyObject *lane_sell(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *names) {
    Lane *lane = (Lane *)self;
    PyObject *reason = only_reason(lane, count, arguments, names, empty_text);
    if (!reason) return PyObject_Vectorcall(lane->general_sell, arguments, (size_t)count, names);
    if (lane->held > 0 && wish_add(lane, -1, lane->held, reason)) return NULL;
    Py_RETURN_NONE;
}

static PyObject *lane_cash(PyObject *self, PyObject *const *ignored, Py_ssize_t count) {
    Lane *lane = (Lane *)self;
    return number(lane, lane->cash, lane->price_digits + lane->lot_digits + lane->fee_digits);
}

static PyObject *lane_position(PyObject *self, PyObject *const *ignored, Py_ssize_t count) {
    Lane *lane = (Lane *)self;
    if (!lane->held) { Py_INCREF(lane->flat); return lane->flat; }
    if (!lane->position) {
        PyObject *amount = number(lane, (wide)lane->held * lane->lot, lane->lot_digits);
        PyObject *paid = number(lane, lane->paid, lane->price_digits + lane->lot_digits), *average = NULL;
        if (amount && paid) average = PyNumber_TrueDivide(paid, amount);
        if (average) lane->position = PyObject_CallFunctionObjArgs(lane->position_type, amount, average, NULL);
        Py_XDECREF(amount); Py_XDECREF(paid); Py_XDECREF(average);
        if (!lane->position) return NULL;
    }
    Py_INCREF(lane->position);
    return lane->position;
}

static int keep(Lane *lane, Py_ssize_t index, int sign, long long lots, long long number, wide flow, wide fee, PyObject *reason) {
    if (lane->done_count == lane->done_room) {
        Py_ssize_t room = lane->done_room ? lane->done_room * 2 : 256;
        Done *more = PyMem_Realloc(lane->done, (size_t)room * sizeof(Done));
        if (!more) { PyErr_NoMemory(); return -1; }
        lane->done = more; lane->done_room = room;
    }
    lane->done[lane->done_count++] = (Done){index, sign, lots, number, flow, fee, reason};
    Py_CLEAR(lane->position);
    return 0;
}

/* Fill what was wished for at an open. 1: done; 0: this form cannot, nothing was changed; -1: error. */
static int fill(Lane *lane, Py_ssize_t index, double open) {
    long long price = whole_price(lane, open);
    wide fee_unit = ten_to(lane->fee_digits);
    if (!price || lane->wish_count > 1) return 0;  /* several at once may cut a position: that rounds an average */
    for (Py_ssize_t k = 0; k < lane->wish_count; k++)
        if ((wide)price * lane->wish[k].lots > TOO_WIDE / lane->lot / (fee_unit + lane->fee)) return 0;
    for (Py_ssize_t k = 0; k < lane->wish_count; k++) {
        int sign = lane->wish[k].sign;
        long long lots = lane->wish[k].lots;
        PyObject *reason = lane->wish[k].reason;
        if (sign < 0 && lots > lane->held) lots = lane->held;
        wide value = (wide)price * lots * lane->lot, fee = value * lane->fee, flow = value * fee_unit;
        if (sign > 0 ? flow + fee > lane->cash : lots <= 0) { lane->refused++; Py_DECREF(reason); continue; }
        flow = sign > 0 ? -(flow + fee) : flow - fee;
        lane->cash += flow;
        if (sign > 0) { lane->held += lots; lane->paid += value; }
        else if (lots == lane->held) { lane->held = 0; lane->paid = 0; }
        if (keep(lane, index, sign, lots, lane->wish[k].number, flow, fee, reason)) return -1;
    }
    lane->wish_count = 0;
    return 1;
}

typedef struct { Py_buffer view; int is_bool; } Column;

static int take(PyObject *given, Column *column) {
    if (PyObject_GetBuffer(given, &column->view, PyBUF_FORMAT | PyBUF_ND)) return -1;
    const char *format = column->view.format ? column->view.format : "B";
    column->is_bool = format[0] == '?';
    if (column->view.ndim == 1 && (column->is_bool || (format[0] == 'd' && !format[1]) || ((format[0] == 'l' || format[0] == 'q') && !format[1])))
        return 0;
    PyBuffer_Release(&column->view);
    PyErr_SetString(PyExc_TypeError, "columns must be contiguous and hold float64, int64 or bool");
    return -1;
}

static PyObject *candle_at(PyObject *type, Column *columns, Py_ssize_t at) {
    PyObject *arguments[7], *made = NULL;
    arguments[1] = PyLong_FromLongLong(((long long *)columns[0].view.buf)[at]);
    for (int k = 1; k < 6; k++) arguments[k + 1] = PyFloat_FromDouble(((double *)columns[k].view.buf)[at]);
    if (arguments[1] && arguments[2] && arguments[3] && arguments[4] && arguments[5] && arguments[6])
        made = PyObject_Vectorcall(type, arguments + 1, 6 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    for (int k = 1; k < 7; k++) Py_XDECREF(arguments[k]);
    return made;
}

static int show(PyObject *attributes, PyObject *names, Column *values, Py_ssize_t at) {
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(names); k++) {
        PyObject *value;
        if (values[k].is_bool) { value = ((char *)values[k].view.buf)[at] ? Py_True : Py_False; Py_INCREF(value); }
        else value = PyFloat_FromDouble(((double *)values[k].view.buf)[at]);
        if (!value || PyDict_SetItem(attributes, PyTuple_GET_ITEM(names, k), value)) { Py_XDECREF(value); return -1; }
        Py_DECREF(value);
    }
    return 0;
}

typedef struct { PyObject *on_candle, *attributes, *candle_type, *names, *told, *candle_name; } Called;

/* One call of the strategy: 0, or -1 when something raised. */
static int call(Lane *lane, Called *called, Column *columns, Column *values, Py_ssize_t at) {
    PyObject *candle = candle_at(called->candle_type, columns, at), *result = NULL, *arguments[2] = {NULL, candle};
    if (candle && !show(called->attributes, called->names, values, at)
        && !PyDict_SetItem(called->attributes, called->candle_name, candle))
        result = PyObject_Vectorcall(called->on_candle, arguments + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_XDECREF(candle); Py_XDECREF(result);
    return result ? 0 : -1;
}

/* Visits until all are done, one wants another form, or one raises (-1). Returns those that were made. */
static Py_ssize_t visit(Lane *lane, Called *called, Column *columns, Column *visits, Column *values) {
    const long long *places = visits->view.buf;
    const double *opens = columns[1].view.buf, *closes = columns[4].view.buf;
    Py_ssize_t count = visits->view.shape[0], size = columns[0].view.shape[0], last = 0, number;
    for (number = 0; number < count; number++) {
        Py_ssize_t at = (Py_ssize_t)places[number];
        if (at < 0 || at >= size) { PyErr_SetString(PyExc_IndexError, "a visit lies outside the candles"); return -1; }
        if (lane->wish_count) {
            int filled = fill(lane, last + 1, opens[last + 1]);
            if (filled < 0) return -1;
            if (!filled) { lane->stopped = 1; return number; }
        }
        last = lane->at = at;
        lane->close = closes[at];
        if (call(lane, called, columns, values, at)) return -1;
        if (PyList_GET_SIZE(lane->wishes)) { lane->stopped = 1; return number + 1; }
        if ((number & 0xffff) == 0xffff && called->told != Py_None) {
            PyObject *result = PyObject_CallFunction(called->told, "n", number + 1);
            if (!result) return -1;
            Py_DECREF(result);
        }
    }
    if (lane->wish_count && last + 1 < size) {
        int filled = fill(lane, last + 1, opens[last + 1]);
        if (filled < 0) return -1;
        if (!filled) lane->stopped = 1;
    }
    return count;
}

static PyObject *lane_run(PyObject *self, PyObject *given) {
    PyObject *columns_given, *visits_given, *values_given;
    Called called;
    if (!PyArg_ParseTuple(given, "OO!OO!OO!O!O", &called.on_candle, &PyDict_Type, &called.attributes, &called.candle_type,
                          &PyTuple_Type, &columns_given, &visits_given, &PyTuple_Type, &called.names,
                          &PyTuple_Type, &values_given, &called.told)) return NULL;
    Py_ssize_t named = PyTuple_GET_SIZE(called.names), held = 0, taken = 0, made = -1;
    if (PyTuple_GET_SIZE(columns_given) != 6 || PyTuple_GET_SIZE(values_given) != named) {
        PyErr_SetString(PyExc_TypeError, "run takes six columns, and a column for each name");
        return NULL;
    }
    Column columns[6], visits, *values = PyMem_Calloc((size_t)named + 1, sizeof(Column));
    if (!values) return PyErr_NoMemory();
    while (held < 6 && !take(PyTuple_GET_ITEM(columns_given, held), &columns[held])) held++;
    while (held == 6 && taken < named && !take(PyTuple_GET_ITEM(values_given, taken), &values[taken])) taken++;
    if (held == 6 && taken == named && !take(visits_given, &visits)) {
        called.candle_name = PyUnicode_InternFromString("candle");
        if (called.candle_name) made = visit((Lane *)self, &called, columns, &visits, values);
        Py_XDECREF(called.candle_name);
        PyBuffer_Release(&visits.view);
    }
    while (taken) PyBuffer_Release(&values[--taken].view);
    while (held) PyBuffer_Release(&columns[--held].view);
    PyMem_Free(values);
    return made < 0 ? NULL : PyLong_FromSsize_t(made);
}

/* Executions as (index, sign, lots, flow, fee, reason, number of the order), money as whole numbers. */
static PyObject *lane_records(PyObject *self, PyObject *ignored) {
    Lane *lane = (Lane *)self;
    PyObject *list = PyList_New(lane->done_count);
    for (Py_ssize_t k = 0; list && k < lane->done_count; k++) {
        Done *one = &lane->done[k];
        PyObject *flow = whole(one->flow), *fee = whole(one->fee), *row = NULL;
        if (flow && fee) row = Py_BuildValue("niLOOOL", one->index, one->sign, one->lots, flow, fee, one->reason, one->number);
        Py_XDECREF(flow); Py_XDECREF(fee);
        if (!row) { Py_CLEAR(list); break; }
        PyList_SET_ITEM(list, k, row);
    }
    return list;
}

/* The float nearest to value / 10**digits; 0 when it would have to be rounded twice. */
static int nearest(wide value, int digits, double *out) {
    while (digits > 0 && value % 10 == 0) { value /= 10; digits--; }
    if (value > ((wide)1 << 53) || value < -((wide)1 << 53) || digits > 22) return 0;
    *out = (double)(long long)value / (double)ten_to(digits);
    return 1;
}

/* What figures need: (indices, changes of the money, of what is held, fees, entries, exits, gains), the
   columns as bytes; None where a float would have to be rounded twice. */
static PyObject *lane_figures(PyObject *self, PyObject *ignored) {
    Lane *lane = (Lane *)self;
    int digits = lane->price_digits + lane->lot_digits + lane->fee_digits, exact = 1;
    Py_ssize_t count = lane->done_count, trips = 0, begun = 0;
    PyObject *columns[6] = {NULL}, *made = NULL;
    for (int k = 0; k < 6; k++)
        if (!(columns[k] = PyBytes_FromStringAndSize(NULL, count * 8))) exact = -1;
    if (exact > 0) {
        long long *index = (long long *)PyBytes_AS_STRING(columns[0]), *entry = (long long *)PyBytes_AS_STRING(columns[3]),
                  *leave = (long long *)PyBytes_AS_STRING(columns[4]);
        double *money = (double *)PyBytes_AS_STRING(columns[1]), *held = (double *)PyBytes_AS_STRING(columns[2]),
               *gains = (double *)PyBytes_AS_STRING(columns[5]), paid = 0.0;
        wide fees = 0, gain = 0, lots = 0;
        for (Py_ssize_t k = 0; exact && k < count; k++) {
            Done *one = &lane->done[k];
            index[k] = one->index;
            if (!lots) { begun = one->index; gain = 0; }
            lots += one->sign * (wide)one->lots;
            gain += one->flow;
            fees += one->fee;
            exact = nearest(one->flow, digits, &money[k]) && nearest(one->sign * (wide)one->lots * lane->lot, lane->lot_digits, &held[k]);
            if (!lots) { entry[trips] = begun; leave[trips] = one->index; exact = exact && nearest(gain, digits, &gains[trips++]); }
        }
        exact = exact && nearest(fees, digits, &paid);
        if (exact)
            made = Py_BuildValue("OOOdny#y#y#", columns[0], columns[1], columns[2], paid, trips,
                                 PyBytes_AS_STRING(columns[3]), trips * 8, PyBytes_AS_STRING(columns[4]), trips * 8,
                                 PyBytes_AS_STRING(columns[5]), trips * 8);
        else made = Py_NewRef(Py_None);
    }
    for (int k = 0; k < 6; k++) Py_XDECREF(columns[k]);
    return made;
}

/* Market orders that wait for the next open, as (sign, lots, reason, number). */
static PyObject *lane_waiting(PyObject *self, PyObject *ignored) {
    Lane *lane = (Lane *)self;
    PyObject *list = PyList_New(lane->wish_count);
    for (Py_ssize_t k = 0; list && k < lane->wish_count; k++) {
        PyObject *row = Py_BuildValue("iLOL", lane->wish[k].sign, lane->wish[k].lots, lane->wish[k].reason, lane->wish[k].number);
        if (!row) { Py_CLEAR(list); break; }
        PyList_SET_ITEM(list, k, row);
    }
    return list;
}

static int lane_init(PyObject *self, PyObject *given, PyObject *named) {
    Lane *lane = (Lane *)self;
    static char *names[] = {"cash", "lot", "fee", "fraction", "digits", "wishes", "buy", "sell", "position", "decimal", "flat", NULL};
    PyObject *cash;
    if (lane->wishes) { PyErr_SetString(PyExc_TypeError, "a lane is made once"); return -1; }
    if (!PyArg_ParseTupleAndKeywords(given, named, "OLLL(iiii)O!OOOOO", names, &cash, &lane->lot, &lane->fee, &lane->fraction,
            &lane->price_digits, &lane->lot_digits, &lane->fee_digits, &lane->fraction_digits, &PyList_Type, &lane->wishes,
            &lane->general_buy, &lane->general_sell, &lane->position_type, &lane->decimal_type, &lane->flat)) {
        lane->wishes = lane->general_buy = lane->general_sell = lane->position_type = lane->decimal_type = lane->flat = NULL;
        return -1;
    }
    Py_INCREF(lane->wishes); Py_INCREF(lane->general_buy); Py_INCREF(lane->general_sell);
    Py_INCREF(lane->position_type); Py_INCREF(lane->decimal_type); Py_INCREF(lane->flat);
    lane->price_scale = (double)ten_to(lane->price_digits);
    lane->size_scale = ten_to(lane->fee_digits + lane->fraction_digits);
    return as_wide(cash, &lane->cash);
}

static int lane_traverse(PyObject *self, visitproc visit, void *arg) {
    Lane *lane = (Lane *)self;
    Py_VISIT(lane->wishes); Py_VISIT(lane->general_buy); Py_VISIT(lane->general_sell); Py_VISIT(lane->position);
    return 0;
}

static int lane_clear(PyObject *self) {
    Lane *lane = (Lane *)self;
    Py_CLEAR(lane->general_buy); Py_CLEAR(lane->general_sell); Py_CLEAR(lane->position);
    return 0;
}

static void lane_dealloc(PyObject *self) {
    Lane *lane = (Lane *)self;
    PyObject_GC_UnTrack(self);
    lane_clear(self);
    Py_XDECREF(lane->wishes); Py_XDECREF(lane->position_type); Py_XDECREF(lane->decimal_type); Py_XDECREF(lane->flat);
    for (Py_ssize_t k = 0; k < lane->done_count; k++) Py_DECREF(lane->done[k].reason);
    for (Py_ssize_t k = 0; k < lane->wish_count; k++) Py_DECREF(lane->wish[k].reason);
    PyMem_Free(lane->done); PyMem_Free(lane->wish);
    Py_TYPE(self)->tp_free(self);
}

static PyMethodDef lane_methods[] = {
    {"buy", (PyCFunction)(void (*)(void))lane_buy, METH_FASTCALL | METH_KEYWORDS, "Buy with the usual share of the free money."},
    {"sell", (PyCFunction)(void (*)(void))lane_sell, METH_FASTCALL | METH_KEYWORDS, "Sell all that is held."},
    {"cash", (PyCFunction)(void (*)(void))lane_cash, METH_FASTCALL, "Free money as a Decimal."},
    {"position", (PyCFunction)(void (*)(void))lane_position, METH_FASTCALL, "What is held."},
    {"run", lane_run, METH_VARARGS, "Call the strategy on its candles; the number of calls made."},
    {"records", lane_records, METH_NOARGS, "Executions, money as whole numbers."},
    {"figures", lane_figures, METH_NOARGS, "Columns of the executions and of the closed trades."},
    {"waiting", lane_waiting, METH_NOARGS, "Market orders that wait for the next open."},
    {NULL, NULL, 0, NULL}};

static PyMemberDef lane_members[] = {
    {"at", T_PYSSIZET, offsetof(Lane, at), READONLY, "Index of the candle of the latest call."},
    {"held", T_LONGLONG, offsetof(Lane, held), READONLY, "Lots held."},
    {"placed", T_LONGLONG, offsetof(Lane, placed), READONLY, "Orders asked for."},
    {"refused", T_PYSSIZET, offsetof(Lane, refused), READONLY, "Orders refused."},
    {"stopped", T_INT, offsetof(Lane, stopped), READONLY, "Whether the Python form has to go on."},
    {NULL, 0, 0, 0, NULL}};

static PyTypeObject LaneType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "cryptobot.services.backtest._core.Lane",
    .tp_basicsize = sizeof(Lane), .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, .tp_doc = "Money and market orders of one run.",
    .tp_new = PyType_GenericNew, .tp_init = lane_init, .tp_dealloc = lane_dealloc, .tp_traverse = lane_traverse,
    .tp_clear = lane_clear, .tp_methods = lane_methods, .tp_members = lane_members};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", "The compiled core of a backtest.", -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__core(void) {
    PyObject *made;
    if (PyType_Ready(&LaneType) || !(empty_text = PyUnicode_InternFromString("")) || !(made = PyModule_Create(&module))) return NULL;
    Py_INCREF(&LaneType);
    if (PyModule_AddObject(made, "Lane", (PyObject *)&LaneType)) { Py_DECREF(&LaneType); Py_DECREF(made); return NULL; }
    return made;
}
