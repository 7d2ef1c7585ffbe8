#!/bin/sh
# Debian: after unpacking. The service is neither enabled nor started on a first installation: a trading bot
# starts when its owner says so.
set -e

if [ "$1" = configure ]; then
    if ! getent passwd cryptobot >/dev/null; then
        useradd --system --user-group --home-dir /var/lib/cryptobot --no-create-home \
            --shell /usr/sbin/nologin --comment "CryptoBot" cryptobot
    fi
    if [ ! -d /var/lib/cryptobot ]; then
        install -d -m 0700 -o cryptobot -g cryptobot /var/lib/cryptobot
    fi
    if [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload || true
        if [ -e /run/cryptobot-was-running ]; then
            rm -f /run/cryptobot-was-running
            systemctl start cryptobot.service || true
        fi
    fi
    for process in /proc/[0-9]*; do
        case "$(readlink "$process/exe" 2>/dev/null || true)" in
        "/usr/lib/cryptobot/"*" (deleted)")
            echo "cryptobot: process ${process#/proc/} still runs the version before; restart it with" \
                "\`cryptobot down\` and \`cryptobot up -d\` as its user." >&2
            ;;
        esac
    done
    if [ -z "$2" ]; then
        echo "cryptobot: try it with \`cryptobot demo\`; as a service of this machine:" \
            "\`systemctl enable --now cryptobot\`." >&2
    fi
fi
