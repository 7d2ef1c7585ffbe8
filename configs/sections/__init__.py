"""The settings of add-ons: one module a section."""
