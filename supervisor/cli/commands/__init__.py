"""One command, one file. The names, and what each is for, are in ../table.py."""
