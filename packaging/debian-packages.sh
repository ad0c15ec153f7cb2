#!/bin/sh
# Makes sure that the Debian packages of a purpose are there.
#
#   packaging/debian-packages.sh run|test
#
# As root on a Debian system it installs what is missing. For anybody else it prints one line to
# paste and fails. On systems without dpkg it says which libraries Qt needs and goes on.
set -eu

QT="libglib2.0-0 libegl1 libgl1 libdbus-1-3 libfontconfig1 libxkbcommon0 libbrotli1 libxcb-cursor0 \
libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-xkb1 libxkbcommon-x11-0 libxcb-image0 \
libxcb-randr0 libxcb-render-util0 libxcb-xinerama0 libasound2 libwayland-cursor0 fonts-dejavu-core"
TEST="git ca-certificates xvfb xauth docker.io iptables debootstrap redis-server godot3-server godot3-runner procps \
postgresql ffmpeg iproute2 binutils"

case "${1:-}" in
    run) wanted=$QT ;;
    test) wanted="$QT $TEST" ;;
    *) echo "usage: $0 run|test" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "This is not a Debian system: see README.md for the libraries that Qt needs." >&2
    exit 0
fi

missing=
for package in $wanted; do
    status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    echo "Installing Debian packages:$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    # A package that starts its service at installation must not do so here: the tests start their own.
    policy=/usr/sbin/policy-rc.d
    made_policy=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy" && made_policy=1
    fi
    trap '[ -z "$made_policy" ] || rm -f "$policy"' EXIT
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >&2
else
    echo "Some Debian packages are missing. Paste this, then try again:" >&2
    echo "  sudo apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi
