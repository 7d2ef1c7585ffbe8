#!/bin/sh
# RPM: before removal ($1: 0 removal, 1 upgrade).
if [ "$1" -eq 0 ]; then
    if [ -d /run/systemd/system ]; then
        systemctl stop cryptobot.service || :
    fi
    if command -v systemctl >/dev/null; then
        systemctl --system disable cryptobot.service >/dev/null 2>&1 || :
    fi
fi
exit 0
