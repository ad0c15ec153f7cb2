"""How each command of the guide is run: in which order, and what stands for a studio's names.

``tests/unit/test_docs.py`` sees to it that the guide shows no command that is missing here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One command as the guide shows it.

    Attributes:
        shown: its text in the guide.
        run: what is run instead, where names of hosts, ports or files are this machine's; ``{key}``
            stands for what the test knows. Empty for the text itself.
        until: for a command that goes on until it is ended: what it prints first.
        codes: exit codes that are right.
        after: a thing of the test's that is done before.
        folder: in which it is run.
    """

    shown: str
    run: str = ""
    until: str = ""
    codes: tuple[int, ...] = (0,)
    after: str = ""
    folder: str = "."


# A person's desk: the stack of one machine, with the samples, some assets and a game.
DESK = (
    Step("slate version --changes"),
    Step("slate stack up"),
    Step("slate doctor"),
    Step("slate project add resources/samples/hello-runtime"),
    Step("slate session start hello-runtime --wait"),
    Step("slate session logs last --follow", until="hello|frame|tick|\\w"),
    Step("slate session exec last -- ls"),
    Step("slate session stop last --wait"),
    Step("slate project add resources/samples/hello-build"),
    Step("slate build start hello-build --platform linux --type production --wait"),
    Step(
        "slate project update PROJECT --network internet",
        "slate project update hello-build --network internet",
    ),
    Step("slate project add ~/games/helios"),
    Step("slate session start helios --wait"),
    Step(
        "slate session exec last -- ls /app/project",
        # A runtime in a container has its project there, a local process where it lies.
        "slate session exec last -- ls ~/games/helios",
    ),
    Step("slate session logs A B", "slate session logs {one} {two}"),
    Step(
        "slate session stats S1 S2 --history 1h --csv FILE",
        "slate session stats {one} {two} --history 1h --csv stats.csv",
    ),
    Step("slate build targets helios"),
    Step("slate build start helios --platform linux --type production --wait"),
    Step("slate build artifacts last --download out"),
    Step("slate build save-preset helios nightly --platform linux --type staging --clean"),
    Step("slate build start helios --preset nightly --wait"),
    # A build that is over has no place in the queue any more.
    Step("slate build move last --first", codes=(4,)),
    Step("slate asset process wool.png --format webp --compression bc7 --mipmaps"),
    Step("slate asset process rock.png hero.glb theme.wav --out processed"),
    Step("slate asset batch Art --out processed"),
    Step("slate asset inspect theme.wav"),
    Step("slate asset presets"),
    Step("slate asset presets show voice"),
    Step("slate asset process art/rock.png --remote --out processed", after="pong", folder="pong"),
    Step("slate asset batch art --project pong --out processed", folder="pong"),
    Step("slate asset jobs --active"),
    # A job that is over is neither stopped nor done again.
    Step("slate asset cancel 3f2a", "slate asset cancel {job}", codes=(0, 4)),
    Step(
        "slate asset retry 3f2a --out processed",
        "slate asset retry {job} --out processed",
        codes=(0, 4),
    ),
    Step(
        "slate asset presets save hero --like desktop --set texture.resize=4096x4096"
        ' --rule "texture:**/hero/**"',
    ),
    Step("slate asset presets save hero --project pong --set texture.quality=90"),
    Step("slate asset presets show hero > hero.toml"),
    Step("slate asset presets save hero --from hero.toml"),
    Step("slate asset presets remove hero"),
    Step("slate support bundle"),
    Step("slate hosts"),
    # Nobody says where new versions are told of until a feed is configured.
    Step("slate version --newest", codes=(5,)),
    Step("slate stack down"),
)

# A studio: a server, Anna's and Bert's workstations, and one more host.
SERVER = (
    Step(
        "slate server init --name sbx01 --host sbx01.studio.example --host 10.0.0.7",
        "slate server init --name sbx01 --host localhost --host 127.0.0.1 --listen 127.0.0.1"
        " --nats-port {nats} --database-port {database}",
    ),
    Step("slate server init", codes=(4, 5)),  # there is one already
    Step("slate server run", until="", after="server"),
    Step("slate server add-user Anna", after="answers"),
    Step("anna: slate connect sbx01-anna.slate-join", after="invitations"),
    Step("slate server add-user Bert --grant pulse=artist --days 2", after="pulse"),
    Step("bert: slate connect FILE", "slate connect sbx01-bert.slate-join", after="invitations"),
    Step("anna: slate profile list"),
    Step("anna: slate profile test", codes=(0,)),
    Step("anna: slate profile use local"),
    Step("anna: slate profile use sbx01"),
    Step("slate server users"),
    Step("slate server brokers"),
    Step("slate server grant Bert pulse developer"),
    Step("anna: slate project members PROJECT", "slate project members pulse"),
    Step("anna: slate project members pulse"),
    Step("anna: slate project revoke pulse Bert"),
    Step("anna: slate project grant pulse Bert artist"),
    Step("slate server add-agent sbx02"),
    Step(
        "host: slate connect --agent /var/lib/slate-agent sbx01-sbx02.slate-join",
        "slate connect --agent {agent} sbx01-sbx02.slate-join",
        after="invitations",
    ),
    Step(
        "host: slate agent --joined /var/lib/slate-agent",
        "slate agent --joined {agent}",
        after="host",
    ),
    Step("slate server admin Anna"),
    Step("anna: slate quota show pulse"),
    Step("anna: slate quota set pulse --sessions 6 --memory 64g --cpus 16"),
    Step("anna: slate quota set pulse --builds 2 --disk 200g"),
    Step("anna: slate quota set pulse --bandwidth 50mbit"),
    Step("anna: slate quota set pulse --cpus none"),
    Step("anna: slate quota show --person me"),
    Step("anna: slate quota set --person Bert --sessions 3"),
    Step("anna: slate hosts", after="online"),
    Step("anna: slate session start pulse --host sbx02"),
    # A custom project is a local process, whose network cannot be limited, unless it has an image.
    Step("anna: slate session start pulse --bandwidth 20mbit", codes=(4,)),
    Step('anna: slate hosts cordon sbx02 --reason "new disk"'),
    Step("anna: slate hosts drain sbx02 --wait"),
    Step("anna: slate hosts uncordon sbx02"),
    Step("anna: slate sync status pulse"),
    Step("anna: slate sync push pulse"),
    Step("anna: slate sync pull pulse"),
    Step("anna: slate sync watch pulse", until=""),
    Step("anna: slate sync watch PROJECT", "slate sync watch pulse", until=""),
    Step("bert: slate sync pull pulse --into ~/work/pulse"),
    Step("anna: slate sync resolve pulse save/game.dat --keep mine", after="conflict"),
    Step("anna: slate sync resolve pulse save/game.dat --keep theirs", after="conflict"),
    Step("anna: slate sync resolve pulse save/game.dat --keep both", after="conflict"),
    Step("anna: slate audit list"),
    Step("anna: slate audit export trail.csv"),
    Step("anna: slate audit export FILE.csv", "slate audit export again.csv"),
    Step("slate server prune"),
    Step("slate server doctor", codes=(0, 5)),  # what the machine's clock and disk are like
    Step(
        "slate server backup /backup/sbx01.slate-backup",
        "slate server backup {backup}/sbx01.slate-backup",
    ),
    Step(
        "slate server restore FILE --check",
        "slate server restore {backup}/sbx01.slate-backup --check",
    ),
    Step(
        "slate server restore FILE --dir /srv/slate",
        "slate server restore {backup}/sbx01.slate-backup --dir {restored}"
        " --nats-port {other_nats} --database-port {other_database}",
    ),
    Step("slate server rotate"),
    Step("slate server remove-user Bert"),
    Step("anna: slate profile use local", "slate profile use local"),
    Step("anna: slate profile remove sbx01"),
    Step("slate server upgrade", after="stopped"),
)

_CLUSTER = "it takes three brokers: tests/e2e/test_cluster.py runs them with their ports"
_IMPORT = "it makes that installation the desk's profile: tests/e2e/test_cli_import_env.py runs it"
_COMPOSE = "it takes Docker Compose: tests/integration/test_server_image.py runs the same image"
_PACKAGE = "it takes a host of its own: packaging/server/drive-in-root.sh does it in a bare Debian"
_UNITS = "it changes the machine's systemd: the package's check runs the lines of the units"
# What is not run here, and why.
NOT_RUN = {
    "make run": "it sets up an environment and opens the window until somebody closes it",
    "make test": "it is what runs this test",
    "pipx install 'slate-desktop[desktop] @ file:///path/slate_desktop-0.1.0-py3-none-any.whl'": (
        "it fetches 800 MB from an index; tests/integration/test_packages.py installs the wheel"
    ),
    "pipx install 'slate-desktop[assets] @ file:///path/slate_desktop-0.1.0.tar.gz'": (
        "it fetches 300 MB from an index; tests/integration/test_packages.py installs the sources"
    ),
    "apt-get install postgresql": "it changes the machine; packaging/debian-packages.sh does it",
    "pip install 'slate-desktop[server,assets]'": "it fetches a release from an index",
    "slate server add-broker sbx02 --host sbx02.studio.example --host 10.0.0.8": _CLUSTER,
    "slate server add-broker sbx03 --host sbx03.studio.example --host 10.0.0.9": _CLUSTER,
    "slate connect --broker /var/lib/slate-broker sbx01-sbx02.slate-join": _CLUSTER,
    "slate server broker --joined /var/lib/slate-broker": _CLUSTER,
    "slate server remove-broker sbx03": _CLUSTER,
    "slate connect --import-env old/.env": _IMPORT,
    "slate connect --import-env FILE": _IMPORT,
    "slate connect --import-env ENV": _IMPORT,
    "slate profile test remote": _IMPORT,
    "python packaging/server/build_image.py": _COMPOSE,
    "cd packaging/server": _COMPOSE,
    "docker compose run --rm server server init --name sbx01 --host sbx01.studio.example": _COMPOSE,
    "docker compose up --detach": _COMPOSE,
    "docker compose exec server slate server add-user Anna"
    " --out /var/lib/slate-server/anna.slate-join": _COMPOSE,
    "apt-get install ./slate-server_0.1.0-1_amd64.deb": _PACKAGE,
    "su - slate -c 'slate server init --name sbx01 --host sbx01.studio.example"
    " --host 10.0.0.7'": _PACKAGE,
    "su - slate -c 'slate server add-user Anna'": _PACKAGE,
    "install -o slate -m 600 sbx01-sbx02.slate-join /var/lib/slate-server/": _PACKAGE,
    "su - slate -c 'slate connect --agent /var/lib/slate-agent sbx01-sbx02.slate-join'": _PACKAGE,
    "systemctl disable --now postgresql": _UNITS,
    "systemctl enable --now slate-server": _UNITS,
    "systemctl enable --now slate-agent": _UNITS,
    "systemctl daemon-reload": _UNITS,
    "adduser --system --group --home /var/lib/slate-server --shell /bin/sh slate": _UNITS,
    "ln -s /opt/slate/bin/slate /usr/bin/slate": _UNITS,
    "cp packaging/server/slate-server.service /etc/systemd/system/": _UNITS,
    "systemctl restart slate-server": "it needs systemd, and a service that was installed",
    "pip install 'slate-desktop[server]'": "it fetches a release from an index",
    "slate agent --stack": "the stack starts it so, and it would take that one's place",
    "slate agent": "the same as with --joined, for a profile's own addresses: tests/e2e/test_*.py",
    "slate agent --joined DIR": "the same as with a directory's name, which is run",
}


def run_somewhere() -> set[str]:
    """Every text of the guide that a step runs."""
    return {step.shown.partition(": ")[2] or step.shown for step in SERVER} | {
        step.shown for step in DESK
    }
