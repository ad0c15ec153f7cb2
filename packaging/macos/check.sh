#!/bin/sh
# Mounts the disk image, copies the app to a folder, uses it, and removes it again.
#
#   packaging/macos/check.sh dist/slate-desktop-<version>-macos-<architecture>.dmg
set -eu
image=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'hdiutil detach -quiet "$work/image" 2>/dev/null || true; rm -rf "$work"' EXIT
hdiutil attach -quiet -nobrowse -readonly -mountpoint "$work/image" "$image"
cp -R "$work/image/SLATE.app" "$work/SLATE.app"
programs=$work/SLATE.app/Contents/MacOS
codesign --verify --deep --strict "$work/SLATE.app"
[ "$(/usr/libexec/PlistBuddy -c 'Print :CFBundleURLTypes:0:CFBundleURLSchemes:0' "$work/SLATE.app/Contents/Info.plist")" = slate ]
"$programs/slate" --version
"$programs/slate" doctor || true
mkdir "$work/files"
"$programs/slate-python" "$here/../linux/drive_installed.py" "$work/files"
"$programs/slate" stack down
rm -rf "$work/SLATE.app"
[ -d "$HOME/Library/Application Support/slate" ]
echo "removed; the user's data is still in $HOME/Library/Application Support/slate"
