#!/bin/sh
# Debian: before files are replaced or removed. Services are stopped in order: a process must never load the
# parts of two versions. Protective stops rest at the exchange meanwhile.
set -e

case "$1" in
upgrade | deconfigure)
    if [ -d /run/systemd/system ] && systemctl is-active --quiet cryptobot.service; then
        touch /run/cryptobot-was-running
        systemctl stop cryptobot.service
    fi
    ;;
remove)
    if [ -d /run/systemd/system ]; then
        systemctl stop cryptobot.service || true
    fi
    if command -v systemctl >/dev/null; then
        systemctl --system disable cryptobot.service >/dev/null 2>&1 || true
    fi
    ;;
esac
