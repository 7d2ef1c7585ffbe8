"""CryptoBot as a service of the operating system: systemd, launchd, Windows."""
