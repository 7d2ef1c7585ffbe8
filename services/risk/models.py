"""Risk's table: what must survive is one small document."""

from ..database.fields import CharField, Model, TextField
from ..database.migrations import Migration, create_tables


class RiskFactRow(Model):
    """A named JSON document."""

    name = CharField(primary_key=True, max_length=80)
    value = TextField()

    class Meta:
        table_name = "risk_facts"


MODELS = (RiskFactRow,)
MIGRATIONS = (Migration(1, "facts of risk", (create_tables(*MODELS),)),)
