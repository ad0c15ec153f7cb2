; Inno Setup's recipe of the Windows installer; build.ps1 calls it and says what the definitions are.
; Source: https://jrsoftware.org/ishelp/
#ifndef Version
  #error Run packaging\windows\build.ps1, which defines Version
#endif
#define Root "..\.."
#define Bundle Root + "\build\bundle\slate-desktop"

[Setup]
AppId={{6C1E6F0E-5B7B-4C0B-9C7B-3E3E5F6D5A41}
AppName=SLATE Desktop
AppVersion={#Version}
AppVerName=SLATE Desktop {#Version}
AppPublisher=The SLATE developers
VersionInfoVersion={#NumericVersion}
LicenseFile={#Root}\LICENSE
SetupIconFile={#Root}\build\icons\slate-desktop.ico
UninstallDisplayIcon={app}\slate-desktop.exe
; For one person without an administrator, or for all with one: the installer asks.
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
DefaultDirName={autopf}\SLATE
DefaultGroupName=SLATE
DisableProgramGroupPage=yes
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0.17763
Compression=lzma2/max
SolidCompression=yes
WizardStyle=modern
ChangesEnvironment=yes
ChangesAssociations=yes
CloseApplications=yes
OutputDir={#Root}\dist
OutputBaseFilename=slate-desktop-{#Version}-windows-x64
#ifdef SignTool
SignTool={#SignTool}
SignedUninstaller=yes
#endif

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"
Name: "de"; MessagesFile: "compiler:Languages\German.isl"

[CustomMessages]
en.AddToPath=Let terminals find the command "slate"
de.AddToPath=Den Befehl "slate" in Terminals verfügbar machen
en.DataStays=SLATE was removed. Your keys, database and settings are still in%n%n%1%n%nRemove this folder yourself if you no longer need it.
de.DataStays=SLATE wurde entfernt. Ihre Schlüssel, Ihre Datenbank und Ihre Einstellungen liegen weiterhin in%n%n%1%n%nLöschen Sie diesen Ordner selbst, wenn Sie ihn nicht mehr brauchen.

[Tasks]
Name: "desktopicon"; Description: "{cm:CreateDesktopIcon}"; Flags: unchecked
Name: "path"; Description: "{cm:AddToPath}"

[Files]
Source: "{#Bundle}\*"; DestDir: "{app}"; Flags: ignoreversion recursesubdirs createallsubdirs

[InstallDelete]
; Nothing of an older version may be found beside the new one.
Type: filesandordirs; Name: "{app}\_internal"

[Icons]
Name: "{group}\SLATE Desktop"; Filename: "{app}\slate-desktop.exe"; AppUserModelID: "org.slate.Desktop"
Name: "{autodesktop}\SLATE Desktop"; Filename: "{app}\slate-desktop.exe"; Tasks: desktopicon

[Registry]
; HKA is the user's hive or the machine's, as was chosen.
Root: HKA; Subkey: "Software\Classes\slate"; ValueType: string; ValueData: "URL:SLATE"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\slate"; ValueName: "URL Protocol"; ValueType: string; ValueData: ""
Root: HKA; Subkey: "Software\Classes\slate\DefaultIcon"; ValueType: string; ValueData: "{app}\slate-desktop.exe,0"
Root: HKA; Subkey: "Software\Classes\slate\shell\open\command"; ValueType: string; ValueData: """{app}\slate-desktop.exe"" ""%1"""
Root: HKA; Subkey: "Software\Classes\.slate-join"; ValueType: string; ValueData: "SLATE.Invitation"; Flags: uninsdeletevalue
Root: HKA; Subkey: "Software\Classes\SLATE.Invitation"; ValueType: string; ValueData: "SLATE invitation to a server"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\SLATE.Invitation\DefaultIcon"; ValueType: string; ValueData: "{app}\slate-desktop.exe,0"
Root: HKA; Subkey: "Software\Classes\SLATE.Invitation\shell\open\command"; ValueType: string; ValueData: """{app}\slate-desktop.exe"" ""%1"""
Root: HKCU; Subkey: "Environment"; ValueName: "Path"; ValueType: expandsz; ValueData: "{olddata};{app}"; Tasks: path; Check: IsMissingInPath

[Run]
Filename: "{app}\slate-desktop.exe"; Description: "{cm:LaunchProgram,SLATE Desktop}"; Flags: nowait postinstall skipifsilent

[UninstallRun]
; What still runs of the embedded stack would keep its files.
Filename: "{app}\slate.exe"; Parameters: "stack down"; Flags: runhidden waituntilterminated; RunOnceId: "StackDown"

[Code]
function PathOfUser: String;
begin
  if not RegQueryStringValue(HKEY_CURRENT_USER, 'Environment', 'Path', Result) then
    Result := '';
end;

function IsMissingInPath: Boolean;
begin
  Result := Pos(';' + Lowercase(ExpandConstant('{app}')) + ';', ';' + Lowercase(PathOfUser) + ';') = 0;
end;

procedure RemoveFromPath;
var
  Place, Entries: String;
  At: Integer;
begin
  Place := ';' + ExpandConstant('{app}');
  Entries := PathOfUser;
  At := Pos(Lowercase(Place) + ';', Lowercase(Entries) + ';');
  if At > 0 then
  begin
    Delete(Entries, At, Length(Place));
    RegWriteExpandStringValue(HKEY_CURRENT_USER, 'Environment', 'Path', Entries);
  end;
end;

procedure CurUninstallStepChanged(Step: TUninstallStep);
begin
  if Step = usPostUninstall then
  begin
    RemoveFromPath;
    if not UninstallSilent then
      MsgBox(FmtMessage(CustomMessage('DataStays'),
        [ExpandConstant('{localappdata}\slate')]),
        mbInformation, MB_OK);
  end;
end;
