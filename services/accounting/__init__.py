"""A shared room: exact accounts made of fills and cash flows. Pure: no bus, no database, no clock."""
