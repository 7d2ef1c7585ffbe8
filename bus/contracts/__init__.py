"""The frozen message classes that two processes share. One module an owner."""
