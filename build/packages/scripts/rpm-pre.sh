#!/bin/sh
# RPM: before unpacking ($1: 1 installation, 2 upgrade). A running service is stopped in order first.
getent group cryptobot >/dev/null || groupadd --system cryptobot
getent passwd cryptobot >/dev/null || useradd --system --gid cryptobot --home-dir /var/lib/cryptobot \
    --no-create-home --shell /sbin/nologin --comment CryptoBot cryptobot
if [ "$1" -ge 2 ] && [ -d /run/systemd/system ] && systemctl is-active --quiet cryptobot.service; then
    touch /run/cryptobot-was-running
    systemctl stop cryptobot.service
fi
exit 0
