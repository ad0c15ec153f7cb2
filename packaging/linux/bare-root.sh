# shellcheck shell=sh
# Sourced by the checks that install a package into a bare Debian 12: makes a layer above that root,
# which is thrown away at the end, with the person "artist" in it.
#
# Takes $base, a bookworm of debootstrap's minbase variant: made where it is missing, never changed.
# Needs root and debootstrap. Gives $root, where the layer is mounted, $layer, a place in memory
# beside it, and inside COMMAND…, which runs a command in $root with the network's package sources.
set -eu

[ "$(id -u)" = 0 ] || { echo "check-in-root: must be root, to install into a root" >&2; exit 1; }
[ -d "$base/usr" ] || debootstrap --variant=minbase bookworm "$base" >&2
base=$(readlink -f "$base")

layer=$(mktemp -d)
root=$layer/root
clean_up() {
    for mounted in dev proc; do umount -l "$root/$mounted" 2>/dev/null || true; done
    umount -l "$root" 2>/dev/null || true
    umount -l "$layer" 2>/dev/null || true
    rmdir "$layer" 2>/dev/null || true
}
trap clean_up EXIT INT TERM
# The layer lies in memory where a file system above a file system is not possible elsewhere.
mount -t tmpfs -o size=6g tmpfs "$layer"
mkdir "$root" "$layer/upper" "$layer/work"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$layer/upper,workdir=$layer/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --make-rslave "$root/dev"
cp /etc/resolv.conf "$root/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
inside apt-get update -qq
inside useradd --create-home --shell /bin/sh artist
