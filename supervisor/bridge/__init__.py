"""The supervisor on the bus, and services on other machines."""
