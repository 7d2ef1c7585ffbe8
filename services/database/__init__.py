"""The only code that knows peewee."""
