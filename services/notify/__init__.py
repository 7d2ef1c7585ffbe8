"""Telling people: rules, channels, a delivery log, and commands by Telegram."""
