#!/bin/sh
# Builds dist/slate-desktop-<version>.flatpak from the portable folder.
#
#   packaging/flatpak/build.sh dist/slate-desktop-<version>-linux-<architecture>.tar.xz
#
# Needs flatpak and flatpak-builder; fetches the runtime that the manifest names from Flathub.
set -eu
archive=$(readlink -f "$1")
cd "$(dirname "$0")/../.."
rm -rf build/flatpak
mkdir -p build/flatpak/source dist
tar -xJf "$archive" -C build/flatpak/source --strip-components=1
version=$(basename "$archive" | sed 's/^slate-desktop-\(.*\)-linux-.*$/\1/')
flatpak remote-add --user --if-not-exists flathub https://dl.flathub.org/repo/flathub.flatpakrepo
flatpak-builder --user --force-clean --install-deps-from=flathub --repo=build/flatpak/repo \
    build/flatpak/app packaging/flatpak/org.slate.Desktop.yaml
flatpak build-bundle build/flatpak/repo "dist/slate-desktop-$version.flatpak" org.slate.Desktop
echo "dist/slate-desktop-$version.flatpak"
