# Builds the Windows installer: dist\slate-desktop-<version>-windows-x64.exe
#
#   powershell -ExecutionPolicy Bypass -File packaging\windows\build.ps1 [-Python py] [-SkipBundle]
#
# Needs Windows 10 or later, Python 3.11 to 3.13 and Inno Setup 6.3 or later (winget install JRSoftware.InnoSetup).
# With SLATE_SIGN_THUMBPRINT set, programs and installer are signed by signtool with that certificate of
# the user's store; without it they stay unsigned, and this says so.
param(
    [string] $Python = "py",
    [switch] $SkipBundle
)
$ErrorActionPreference = "Stop"
Set-StrictMode -Version Latest
$Root = (Resolve-Path (Join-Path $PSScriptRoot "..\..")).Path
Set-Location $Root

function Invoke-Checked {
    param([string] $Program, [string[]] $Arguments)
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) { throw "$Program ended with code $LASTEXITCODE" }
}

function Find-Compiler {
    $found = Get-Command "ISCC.exe" -ErrorAction SilentlyContinue
    if ($found) { return $found.Source }
    foreach ($base in @(${env:ProgramFiles(x86)}, $env:ProgramFiles, (Join-Path $env:LOCALAPPDATA "Programs"))) {
        $path = Join-Path $base "Inno Setup 6\ISCC.exe"
        if (Test-Path $path) { return $path }
    }
    throw "Inno Setup was not found. Install it: winget install JRSoftware.InnoSetup"
}

function Get-SignCommand {
    if (-not $env:SLATE_SIGN_THUMBPRINT) { return "" }
    $tool = Get-Command "signtool.exe" -ErrorAction SilentlyContinue
    if (-not $tool) { throw "SLATE_SIGN_THUMBPRINT is set, but signtool.exe (Windows SDK) is not in PATH" }
    $stamp = if ($env:SLATE_SIGN_TIMESTAMP) { $env:SLATE_SIGN_TIMESTAMP } else { "http://timestamp.digicert.com" }
    return "`"$($tool.Source)`" sign /sha1 $($env:SLATE_SIGN_THUMBPRINT) /fd SHA256 /tr $stamp /td SHA256"
}

$Compiler = Find-Compiler
$Environment = Join-Path $Root ".venv-windows"
$Interpreter = Join-Path $Environment "Scripts\python.exe"
if (-not (Test-Path $Interpreter)) { Invoke-Checked $Python @("-m", "venv", $Environment) }
# Not editable, and without the tools of developers: nothing of them can come in.
Invoke-Checked $Interpreter @("-m", "pip", "install", "--quiet", ".[desktop]", "pyinstaller>=6.11,<7", "packaging")
if (-not $SkipBundle) {
    Invoke-Checked $Interpreter @("packaging\bundle\build.py", "--output", "build\bundle")
}
Invoke-Checked $Interpreter @("packaging\icons.py", "build\icons")
$Version = (& $Interpreter "packaging\version.py").Trim()
$Numeric = (($Version -split "[^0-9.]")[0]) + ".0"

$Definitions = @("/DVersion=$Version", "/DNumericVersion=$Numeric")
$Sign = Get-SignCommand
if ($Sign) {
    foreach ($program in Get-ChildItem "build\bundle\slate-desktop\*.exe") {
        Invoke-Checked "cmd.exe" @("/c", "$Sign `"$($program.FullName)`"")
    }
    $Definitions += @("/DSignTool=slate", "/Sslate=$Sign `$f")
} else {
    Write-Warning "SLATE_SIGN_THUMBPRINT is not set: the installer is not signed, and Windows will warn of it."
}
Invoke-Checked $Compiler ($Definitions + @("packaging\windows\slate.iss"))
Get-ChildItem "dist\slate-desktop-$Version-windows-x64.exe"
