"""A pretend game server: talks in levels and colours, and breathes CPU and memory.

Needs nothing but Python 3.8 or later. Ends cleanly on SIGTERM and Ctrl-C.
"""

import argparse
import math
import os
import random
import signal
import sys
import threading
import time

COLOURS = {"DEBUG": "2", "INFO": "36", "WARN": "33", "ERROR": "31"}
PLAYERS = ("Ada", "Grace", "Linus", "Margaret", "Alan", "Radia", "Barbara", "Ken")
ROOMS = ("Harbour", "Old Mill", "Sky Bridge", "Crystal Cave")
PERIOD_S = 30.0


def main():
    """Run until somebody stops it, or for ``--seconds``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=math.inf, help="end after this time")
    parser.add_argument("--memory", type=int, default=96, help="MiB at the top of a wave")
    parser.add_argument("--cpu", type=float, default=0.5, help="share of a core at the top")
    options = parser.parse_args()

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    log("INFO", "Hello from SLATE's sample runtime, process %d" % os.getpid())
    log("DEBUG", "Python %s on %s" % (sys.version.split()[0], sys.platform))
    log("INFO", "Listening for imaginary players")
    began = time.monotonic()
    ballast = bytearray()
    tick = 0
    while not stop.is_set():
        age = time.monotonic() - began
        if age >= options.seconds:
            break
        wave = 0.5 - 0.5 * math.cos(2 * math.pi * age / PERIOD_S)
        ballast = breathe(ballast, int(wave * options.memory))
        work(0.1 * options.cpu * wave)
        if tick % 5 == 0:
            chat(tick // 5, wave, len(ballast) >> 20)
        tick += 1
        stop.wait(max(0.0, began + tick * 0.1 - time.monotonic()))
    log("INFO", "Saving the world")
    log("INFO", "Goodbye after %d ticks" % tick)


def breathe(ballast, wanted_mib):
    """Hold about as much memory as is wanted; changes in steps, so that little is copied."""
    if abs(len(ballast) - (wanted_mib << 20)) < 4 << 20:
        return ballast
    return bytearray(os.urandom(1 << 12) * (wanted_mib << 8))


def work(seconds):
    """Compute something for a while."""
    end = time.monotonic() + seconds
    total = 0.0
    while time.monotonic() < end:
        total += sum(math.sqrt(n) for n in range(500))
    return total


def chat(step, wave, memory_mib):
    """Say something that a server would say."""
    player, room = random.choice(PLAYERS), random.choice(ROOMS)
    if step and step % 40 == 0:
        log("ERROR", "Room %s: lost the connection to %s, retrying" % (room, player))
    elif step and step % 15 == 0:
        log("WARN", "Room %s: tick took %.1f ms" % (room, 16 + 20 * wave))
    elif step % 4 == 0:
        log("DEBUG", "load %3.0f %%, memory %d MiB" % (100 * wave, memory_mib))
    else:
        verb = random.choice(("joined", "left", "opened a chest in", "found a secret in"))
        log("INFO", "%s %s %s" % (player, verb, room))


def log(level, message):
    """Write one line with its level, in colour; errors go to stderr."""
    stream = sys.stderr if level == "ERROR" else sys.stdout
    stream.write("\x1b[%sm[%s]\x1b[0m %s\n" % (COLOURS[level], level, message))
    stream.flush()


if __name__ == "__main__":
    main()
