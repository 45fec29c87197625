"""Log lines made by rule, as documents of type log: real logs with a free licence are rare.

Held-out rows come from programs that training rows never come from. Same seed, same rows.
Knows nothing of other document types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from expert_studio.core.datasets.examples import Example, parse_row


def _words(text: str) -> list[str]:
    return text.split()


_VERBS = _words("started stopped connected opened closed failed retried accepted rejected loaded")
_NOUNS = _words("session worker queue cache socket request index volume job listener")
_HOSTS = _words("web01 db02 mail edge-3 node7 build gateway proxy2 host-a backup")
_PATHS = _words("/ /login /api/users /static/app.css /health /search /cart /img/logo.png")
_MONTHS = _words("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")

Line = Callable[[Random, int], str]  # (source of chance, second of the day) -> one line


def _clock(second: int) -> str:
    return f"{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def _message(chance: Random) -> str:
    number = chance.randint(1, 9999)
    return f"{chance.choice(_NOUNS)} {number} {chance.choice(_VERBS)}"


def _address(chance: Random) -> str:
    return f"10.{chance.randint(0, 255)}.{chance.randint(0, 255)}.{chance.randint(1, 254)}"


def _syslog(chance: Random, second: int) -> str:
    unit = chance.choice(("sshd", "cron", "systemd", "kernel", "postfix/smtpd"))
    day = f"{chance.choice(_MONTHS)} {chance.randint(1, 28):2d}"
    host = chance.choice(_HOSTS)
    return f"{day} {_clock(second)} {host} {unit}[{chance.randint(100, 9999)}]: {_message(chance)}"


def _access(chance: Random, second: int) -> str:
    method = chance.choice(("GET", "POST", "PUT", "DELETE"))
    status = chance.choice((200, 200, 200, 301, 304, 404, 500))
    return (
        f"{_address(chance)} - - [{chance.randint(1, 28):02d}/{chance.choice(_MONTHS)}/2025:"
        f'{_clock(second)} +0000] "{method} {chance.choice(_PATHS)} HTTP/1.1" {status} '
        f"{chance.randint(80, 90000)}"
    )


def _leveled(chance: Random, second: int) -> str:
    level = chance.choice(("INFO", "DEBUG", "WARN", "ERROR"))
    thread = f"[worker-{chance.randint(1, 16)}]"
    unit = chance.choice(("c.e.store.Journal", "o.a.net.Acceptor", "app.jobs", "core.scheduler"))
    day = f"2025-03-1{chance.randint(0, 9)}"
    moment = f"{_clock(second)},{chance.randint(0, 999):03d}"
    return f"{day} {moment} {level} {thread} {unit} - {_message(chance)}"


def _structured(chance: Random, second: int) -> str:
    level = chance.choice(("info", "warning", "error"))
    return (
        f"time=2025-07-0{chance.randint(1, 9)}T{_clock(second)}Z level={level} "
        f'host={chance.choice(_HOSTS)} msg="{_message(chance)}" took={chance.randint(1, 900)}ms'
    )


def _database(chance: Random, second: int) -> str:
    kind = chance.choice(("LOG", "ERROR", "STATEMENT", "WARNING"))
    return (
        f"2025-11-{chance.randint(10, 28)} {_clock(second)} UTC [{chance.randint(100, 9999)}] "
        f"{kind}:  {_message(chance)}"
    )


def _build(chance: Random, second: int) -> str:
    step = chance.choice(("Compiling", "Linking", "Downloading", "Checking", "Running"))
    return f"[{_clock(second)}] [{chance.choice(('info', 'warn'))}] {step} {_message(chance)}"


def _firewall(chance: Random, second: int) -> str:
    return (
        f"{_clock(second)} fw0 kernel: [{second}.{chance.randint(0, 999999):06d}] BLOCK IN=eth0 "
        f"SRC={_address(chance)} DST={_address(chance)} PROTO=TCP DPT={chance.randint(20, 9999)}"
    )


TRAINING_PROGRAMS: tuple[Line, ...] = (_syslog, _access, _leveled, _structured)
HELD_OUT_PROGRAMS: tuple[Line, ...] = (_database, _build, _firewall)


def rows(count: int, seed: int, held_out: bool) -> Iterator[Example]:
    """Yields `count` documents of 3 to 18 lines, all of one program each."""
    chance = Random(f"logs-{seed}-{held_out}")
    programs = HELD_OUT_PROGRAMS if held_out else TRAINING_PROGRAMS
    for index in range(count):
        program = chance.choice(programs)
        second = chance.randint(0, 80_000)
        lines = []
        for _ in range(chance.randint(3, 18)):
            second += chance.choice((0, 0, 1, 1, 2, 7, 60))
            lines.append(program(chance, second))
        name = f"{chance.choice(_HOSTS)}/{chance.choice(_NOUNS)}.log" if index % 3 else ""
        yield parse_row(
            {
                "path": name,
                "content": "\n".join(lines),
                "label": {"type": "log", "language": "log", "technologies": []},
                "id": f"log-{'held-out' if held_out else 'train'}-{seed}-{index}",
                "family": f"log/{program.__name__.strip('_')}",
                "source": "made by rule (expert_studio.core.datasets.offline_logs)",
                "license": "CC0-1.0",
            }
        )
