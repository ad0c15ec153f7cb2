#!/bin/sh
# What check-in-root.sh does inside of the root: a server, a person, another agent, and a session.
set -eu

as() { person=$1; shift; su - "$person" -c "$*"; }
# The line of a unit, with what the unit sets, as its user; systemd would do the same.
start() {
    unit=/lib/systemd/system/$1.service
    line=$(sed -n 's/^ExecStart=//p' "$unit")
    settings=$(sed -n 's/^Environment=//p' "$unit")
    user=$(sed -n 's/^User=//p' "$unit")
    file=$(sed -n 's/^EnvironmentFile=-//p' "$unit")
    su - "$user" -c "umask 0077; set -a; . $file; exec env $settings $line" >"/tmp/$1.log" 2>&1 &
    echo $! > "/tmp/$1.pid"
}
until_is() {
    n=0
    until eval "$1" >/tmp/tried 2>&1; do
        n=$((n + 1))
        [ $n -lt 240 ] || { echo "not in time: $1"; cat /tmp/tried /tmp/slate-*.log; exit 1; }
        sleep 0.5
    done
}

[ -z "$(ls -A /var/lib/slate-server)" ]
as slate "slate server init --name sbx01 --host localhost"
start slate-server
until_is "as slate slate server users"
as slate "slate server add-user Anna --grant nothing=viewer" && exit 1
as slate "slate server add-user Anna --admin --out anna.slate-join"
as slate "slate server add-agent sbx02 --out sbx02.slate-join"
install -o artist -m 600 /var/lib/slate-server/anna.slate-join /home/artist/
until_is "as artist slate connect anna.slate-join"
as slate "slate connect --agent /var/lib/slate-agent sbx02.slate-join"
start slate-agent
until_is "as artist slate hosts --json | grep -c '\"is_online\": *true' | grep -qx 2 || as artist slate hosts --json | tr , '\n' | grep -c 'is_online.*true' | grep -qx 2"
as artist slate hosts
as artist "mkdir game && echo 'echo hello from \$(id -un)' > game/run.sh"
as artist "slate project add game --command 'sh run.sh'"
as artist "slate session start game --driver process --host sbx02 --wait"
until_is "as artist slate session logs last | grep -F 'hello from slate'"
as artist "slate session logs last"
as slate "slate server doctor" || true
for unit in slate-agent slate-server; do
    process=$(pgrep -f -u slate -o "$(sed -n 's/^ExecStart=[^ ]* //p' "/lib/systemd/system/$unit.service")")
    kill -TERM "$process"
    wait "$(cat "/tmp/$unit.pid")"
    echo "$unit ended in order"
done
