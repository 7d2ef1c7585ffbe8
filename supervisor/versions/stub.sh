#!/bin/sh
# Starts the version of CryptoBot that the file `current` names. It lies outside of the versions and changes with
# none of them: when a new version on trial has been started three times and was not confirmed, the one before
# is put back here, for a program that does not start cannot do that itself.
self=$0
while [ -L "$self" ]; do
    link=$(readlink "$self")
    case $link in
        /*) self=$link ;;
        *) self=$(dirname "$self")/$link ;;
    esac
done
root=$(cd "$(dirname "$self")" && pwd -P) || exit 1
read -r version <"$root/current" 2>/dev/null || version=

starts=no
case " $* " in
    *" service run supervisor "* | *" up "* | *" demo "*) starts=yes ;;
esac
if [ "$starts" = yes ] && [ -f "$root/update" ]; then
    to='' previous='' phase=''
    while read -r key value; do
        case $key in
            to) to=$value ;;
            previous) previous=$value ;;
            phase) phase=$value ;;
        esac
    done <"$root/update"
    if [ -n "$version" ] && [ "$version" = "$to" ] && [ -x "$root/versions/$previous/cryptobot" ]; then
        printf x >>"$root/boots" 2>/dev/null
        boots=$(wc -c <"$root/boots" 2>/dev/null || echo 0)
        if [ "$phase" = back ] || [ "$boots" -gt 3 ]; then
            echo "CryptoBot $version did not start well; $previous is used again." >&2
            if printf '%s\n' "$previous" >"$root/current.back" && sync "$root/current.back" 2>/dev/null; then :; fi
            mv -f "$root/current.back" "$root/current"
            version=$previous
        fi
    fi
fi

program=$root/versions/$version/cryptobot
if [ -z "$version" ] || [ ! -x "$program" ]; then
    echo "CryptoBot: $root/current names no version that is in $root/versions; write one of these into it:" >&2
    ls "$root/versions" >&2
    exit 1
fi
CRYPTOBOT_PROGRAM_FOLDER=$root
export CRYPTOBOT_PROGRAM_FOLDER
exec "$program" "$@"
