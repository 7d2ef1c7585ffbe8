#!/bin/sh
# RPM: after unpacking. Nothing is enabled or started on a first installation.
if [ ! -d /var/lib/cryptobot ]; then
    install -d -m 0700 -o cryptobot -g cryptobot /var/lib/cryptobot
fi
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload || :
    if [ -e /run/cryptobot-was-running ]; then
        rm -f /run/cryptobot-was-running
        systemctl start cryptobot.service || :
    fi
fi
if [ "$1" -eq 1 ]; then
    echo "cryptobot: try it with \`cryptobot demo\`; as a service: \`systemctl enable --now cryptobot\`."
fi
exit 0
