#!/bin/sh
# Builds dist/slate-desktop-<version>-macos-<architecture>.dmg with SLATE.app in it.
#
#   packaging/macos/build.sh
#
# Needs macOS 13 or later, Python 3.11 to 3.13 and Xcode's command line tools. Hooks, each optional:
#   SLATE_SIGN_IDENTITY    "Developer ID Application: …" of the keychain; without it the app is signed
#                          ad hoc, and opens only on the machine that built it without a warning
#   SLATE_NOTARY_PROFILE   a profile of `xcrun notarytool store-credentials`; the image is notarised and
#                          stapled, which needs an identity, too
set -eu
cd "$(dirname "$0")/../.."
[ "$(uname -s)" = Darwin ] || { echo "build.sh: SLATE.app can be built on macOS alone" >&2; exit 1; }
identity=${SLATE_SIGN_IDENTITY:--}
profile=${SLATE_NOTARY_PROFILE:-}
[ -z "$profile" ] || [ "$identity" != - ] || { echo "build.sh: what is notarised needs SLATE_SIGN_IDENTITY" >&2; exit 1; }

environment=.venv-macos
[ -x "$environment/bin/python" ] || "${PYTHON:-python3}" -m venv "$environment"
# Not editable, and without the tools of developers: nothing of them can come in.
"$environment/bin/python" -m pip install --quiet '.[desktop]' 'pyinstaller>=6.11,<7' packaging
"$environment/bin/python" packaging/bundle/build.py --output build/bundle
app=build/bundle/SLATE.app
version=$("$environment/bin/python" packaging/version.py)
image=dist/slate-desktop-$version-macos-$(uname -m).dmg

sign() {
    if [ "$identity" = - ]; then
        codesign --force --sign - --entitlements packaging/macos/entitlements.plist "$1"
    else
        codesign --force --sign "$identity" --timestamp --options runtime \
            --entitlements packaging/macos/entitlements.plist "$1"
    fi
}
# From the inside out: what holds others is signed after them.
find "$app/Contents" -type f \( -name '*.dylib' -o -name '*.so' -o -perm -u+x \) | sort -r | while read -r file; do
    case $(file -b "$file") in *Mach-O*) sign "$file" ;; esac
done
sign "$app"
codesign --verify --deep --strict "$app"

mkdir -p dist
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -R "$app" "$folder/SLATE.app"
ln -s /Applications "$folder/Applications"
hdiutil create -quiet -ov -format UDZO -fs HFS+ -volname "SLATE $version" -srcfolder "$folder" "$image"
if [ "$identity" = - ]; then
    echo "build.sh: SLATE_SIGN_IDENTITY is not set; other machines will warn of this app" >&2
else
    sign "$image"
fi
if [ -n "$profile" ]; then
    xcrun notarytool submit "$image" --keychain-profile "$profile" --wait
    xcrun stapler staple "$image"
    spctl --assess --type open --context context:primary-signature "$image"
fi
echo "$image"
