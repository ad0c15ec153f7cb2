# Installs the Windows installer for one person, uses it, and removes it again.
#
#   powershell -ExecutionPolicy Bypass -File packaging\windows\check.ps1 dist\slate-desktop-<version>-windows-x64.exe
#
# On a machine (or a Windows Sandbox) on which SLATE is not installed.
param([Parameter(Mandatory = $true)] [string] $Installer)
$ErrorActionPreference = "Stop"
Set-StrictMode -Version Latest
$Place = Join-Path $env:LOCALAPPDATA "Programs\SLATE"
$Work = Join-Path $env:TEMP "slate-check"
New-Item -ItemType Directory -Force $Work | Out-Null

function Assert-That {
    param([bool] $Condition, [string] $What)
    if (-not $Condition) { throw "not so: $What" }
    Write-Output "ok: $What"
}

Start-Process -Wait $Installer "/VERYSILENT /CURRENTUSER /SUPPRESSMSGBOXES /DIR=`"$Place`""
Assert-That (Test-Path "$Place\slate-desktop.exe") "the program is installed"
& "$Place\slate.exe" --version
Assert-That ($LASTEXITCODE -eq 0) "slate --version"
& "$Place\slate.exe" doctor
$Handler = (Get-ItemProperty "HKCU:\Software\Classes\slate\shell\open\command")."(default)"
Assert-That ($Handler -like "*slate-desktop.exe*") "slate:// links open it"
Copy-Item (Join-Path $PSScriptRoot "..\linux\drive_installed.py") $Work
& "$Place\slate-python.exe" "$Work\drive_installed.py" $Work
Assert-That ($LASTEXITCODE -eq 0) "session, previews and build through the window"
& "$Place\slate.exe" stack down
Start-Process -Wait "$Place\unins000.exe" "/VERYSILENT /SUPPRESSMSGBOXES"
Assert-That (-not (Test-Path "$Place\slate-desktop.exe")) "the program is removed"
Assert-That (Test-Path (Join-Path $env:LOCALAPPDATA "slate")) "the user's data is still there"
