#!/bin/sh
# Debian: after removal the data stays; a purge takes data and user away.
set -e

if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload || true
fi
if [ "$1" = purge ]; then
    rm -rf /var/lib/cryptobot
    if getent passwd cryptobot >/dev/null; then
        userdel cryptobot || true
    fi
    if getent group cryptobot >/dev/null; then
        groupdel cryptobot || true
    fi
fi
