#!/bin/sh
# RPM: after removal. RPM knows no purge: data and user stay, and it is said.
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload || :
fi
if [ "$1" -eq 0 ]; then
    echo "cryptobot: the data stays in /var/lib/cryptobot; as root, rm -r it and userdel cryptobot to be rid of both."
fi
exit 0
