#!/bin/sh
# Installs the server's package into a bare Debian 12 and uses it there as its units would, offline.
#
#   packaging/server/check-in-root.sh PACKAGE.deb [ROOT]
#
# Needs root, debootstrap and unshare. ROOT is a bookworm of debootstrap's minbase variant, made where
# it is missing and never changed: what is installed goes into a layer above it that is thrown away.
# From the network come only Debian's own packages: lintian, systemd, and those that the package
# declares. systemd looks at the units but does not run there: their lines are run by hand. Prints what was seen.
set -eu

package=$(readlink -f "$1")
base=${2:-build/root-bookworm}
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=packaging/linux/bare-root.sh
. "$here/../linux/bare-root.sh"

cp "$package" "$root/tmp/slate-server.deb"
cp "$here/drive-in-root.sh" "$root/tmp/"

inside apt-get install -y -qq --no-install-recommends lintian systemd >/dev/null
inside su -s /bin/sh artist -c 'cd /tmp && lintian --fail-on error,warning,info slate-server.deb'
echo "lintian has nothing to say"

inside apt-get install -y -qq --no-install-recommends /tmp/slate-server.deb > "$layer/installed"
grep -F "slate server init" "$layer/installed"
echo "installed: $(du -sm "$root/usr/lib/slate-server" | cut -f1) MiB, package $(du -sm "$package" | cut -f1) MiB"
[ "$(stat -c %U:%a "$root/var/lib/slate-server")" = "$(inside id -un slate):700" ] ||
    [ "$(inside stat -c %U:%a /var/lib/slate-server)" = slate:700 ]
inside systemd-analyze verify slate-server.service slate-agent.service slate-broker.service
echo "systemd finds nothing wrong with the units"

# From here on there is no network: name spaces of its own with nothing but the loopback, and with
# processes that all end with the first one.
# shellcheck disable=SC2016
unshare --net --pid --mount --fork --kill-child sh -c '
    ip link set lo up
    mount -t proc proc "$1/proc"
    exec chroot "$1" env -i LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin sh /tmp/drive-in-root.sh
' sh "$root"

echo "# mine" >> "$root/etc/slate/slate.env"
inside dpkg -r slate-server
[ ! -e "$root/usr/lib/slate-server" ] || { find "$root/usr/lib/slate-server" | head; exit 1; }
grep -q "^# mine" "$root/etc/slate/slate.env"
inside dpkg -P slate-server
[ ! -e "$root/etc/slate" ]
[ -s "$root/var/lib/slate-server/server.toml" ]
echo "removed; what the studio made is still there"
