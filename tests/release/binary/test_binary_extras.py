"""The extras of the full variant do their work inside the compiled program, not only lie there."""

from pathlib import Path
from typing import Any

import pytest

WORK = {
    "apprise": "box = apprise.Apprise(); assert box.add('json://127.0.0.1:9/x'); "
    "assert len(box.details()['schemas']) > 50",
    "matplotlib.pyplot": "import io; picture = io.BytesIO(); matplotlib.pyplot.switch_backend('agg'); "
    "matplotlib.pyplot.plot([1, 2]); matplotlib.pyplot.savefig(picture); assert picture.tell() > 1000",
    "talib": "import numpy; line = numpy.arange(50.0); assert talib.ADX(line + 1, line, line).shape == (50,)",
    "scipy.optimize": "assert abs(scipy.optimize.minimize(lambda x: (x[0] - 3) ** 2, [0.0]).x[0] - 3) < 1e-4",
    "optuna": "study = optuna.create_study(storage='sqlite:///' + {folder!r} + '/trials.db'); "
    "study.optimize(lambda trial: trial.suggest_float('x', 0, 1), n_trials=2)",
    "sqlcipher3": "store = sqlcipher3.connect({folder!r} + '/sealed.db'); store.execute('pragma key=x'); "
    "store.execute('create table t(a)'); store.commit()",
    "psycopg": "assert psycopg.pq.__impl__ in ('binary', 'c')",
    "pymysql": "assert pymysql.paramstyle",
    "keyring": "assert keyring.get_keyring().priority is not None",
    "segno": "assert segno.make('text').svg_inline()",
    "webauthn": "assert webauthn.generate_registration_options(rp_id='a', rp_name='b', user_name='c')",
    "tuf.ngclient": "assert tuf.ngclient.Updater",
    "zxcvbn": "assert zxcvbn.zxcvbn('password')['score'] == 0",
}
"""A line of work for each library that brings data files, databases of its own or compiled parts."""


@pytest.mark.parametrize("library", WORK)
def test_a_library_does_its_work(library: str, program: Any, tmp_path: Path) -> None:
    """Run by a strategy file, so in the compiled program's own interpreter."""
    assert program.run("strategy", "new", "my-idea").returncode == 0
    path = Path(program.home) / "strategies" / "my_idea.py"
    first, _, rest = path.read_text().partition("\n")
    path.write_text(f"{first}\nimport {library}\n{WORK[library].format(folder=str(tmp_path))}\n{rest}")
    done = program.run("strategy", "check", "my-idea")
    assert done.returncode == 0, done.stderr
