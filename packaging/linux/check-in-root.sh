#!/bin/sh
# Installs a package into a bare Debian 12 and uses it there as an ordinary user, without a network.
#
#   packaging/linux/check-in-root.sh PACKAGE.deb|PORTABLE.tar.xz|BUNDLE [ROOT]
#
# Needs root, debootstrap and unshare. ROOT is a bookworm of debootstrap's minbase variant, made where
# it is missing and never changed: what is installed goes into a layer above it that is thrown away.
# From the network come only Debian's own packages: those that the package declares (for the portable
# folder: those that the .deb declares), and an X server. Prints what was seen.
set -eu

package=$(readlink -f "$1")
base=${2:-build/root-bookworm}
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=packaging/linux/bare-root.sh
. "$here/bare-root.sh"

case $package in
    *.deb)
        cp "$package" "$root/tmp/slate.deb"
        inside apt-get install -y -qq --no-install-recommends /tmp/slate.deb >/dev/null
        place=/usr/lib/slate-desktop commands=/usr/bin
        ;;
    *)
        depends=$(python3 -c "
import sys; sys.path.insert(0, '$here')
from assemble import DEPENDS
print(' '.join(d.split('|')[0].split('(')[0].strip() for d in DEPENDS))")
        # shellcheck disable=SC2086
        inside apt-get install -y -qq --no-install-recommends $depends >/dev/null
        mkdir "$root/home/artist/slate"
        if [ -d "$package" ]; then
            cp -a "$package/." "$root/home/artist/slate"
        else
            tar -xJf "$package" -C "$root/home/artist/slate" --strip-components=1
        fi
        inside chown -R artist: /home/artist
        place=/home/artist/slate commands=/home/artist/slate
        ;;
esac
echo "installed: $(du -sm "$root$place" | cut -f1) MiB in $place, package $(du -sm "$package" | cut -f1) MiB"
inside apt-get install -y -qq --no-install-recommends xvfb >/dev/null

mkdir "$root/home/artist/work"
cp "$here/drive_installed.py" "$root/home/artist/work/"
inside chown -R artist: /home/artist/work

# From here on there is no network: name spaces of its own with nothing but the loopback, and with
# processes that all end with the first one.
as_artist() {
    unshare --net --pid --mount --fork --kill-child sh -c '
        ip link set lo up
        mount -t proc proc "$1/proc"
        exec chroot --userspec=artist:artist "$1" env -i HOME=/home/artist USER=artist LANG=C.UTF-8 \
            PATH="$2:/usr/bin:/bin" sh -euc "$3"' sh "$root" "$commands" "$1"
}
as_artist '
cd ~/work
slate version
Xvfb :90 -screen 0 1600x1000x24 -nolisten tcp >/dev/null 2>&1 &
server=$!
export DISPLAY=:90
n=0
until [ -S /tmp/.X11-unix/X90 ]; do
    n=$((n + 1)); [ $n -lt 300 ] || { echo "there is no screen"; exit 1; }
    sleep 0.1
done
# The first start makes the database; the third finds everything in the memory of the disk.
for start in first second third; do
    rm -f ~/marks
    began=$(cut -d" " -f1 /proc/uptime)
    SLATE_STARTUP_MARK=$HOME/marks slate-desktop >~/window.log 2>&1 &
    window=$!
    n=0
    until grep -q "^usable" ~/marks 2>/dev/null; do
        n=$((n + 1))
        if [ $n -ge 1200 ] || ! kill -0 $window 2>/dev/null; then
            echo "the window did not become usable"; cat ~/window.log; exit 1
        fi
        sleep 0.1
    done
    awk -v began=$began -v start=$start "{ printf \"%s start, %s after %.2f s (processor %.2f s)\\n\", start, \$1, \$2 / 1e9 - began, \$3 / 1e9 }" ~/marks
    kill $window; wait $window 2>/dev/null || true
done
slate doctor || true
'"$place"'/slate-python drive_installed.py ~/work
for file in stone.png sheet.obj bell.wav; do
    slate asset process $file --local --out ~/work/out --json
done
slate build start hello-build --platform linux --driver process --wait --json | cut -c1-300
slate build artifacts last --download ~/work/built --json
slate stack down --json
kill $server
'
cp "$root/home/artist/work/window.png" "${CHECK_PICTURE:-/dev/null}" 2>/dev/null || true
case $package in *.deb) inside dpkg -r slate-desktop; [ ! -e "$root$place" ] ;; *) rm -rf "${root:?}$place" ;; esac
[ -d "$root/home/artist/.local/share/slate" ]
echo "removed; the user's data is still there"
