"""What captioning or embedding many pictures takes, extrapolated from a few: machines, hours, bytes, money.

A job lists its pictures, does its pieces on many cores while data flows in and out, and may write the results into one
file. One process lists before and writes after; everything between runs at once, so the slowest of it counts.
"""

import math
from dataclasses import dataclass

GIGA = 10**9


@dataclass(frozen=True, slots=True)
class Work:
    """Of one kind of work: seconds of a core that every run and every picture take, bytes of a picture in and out, and
    whether the results are written once more, into one file.
    """

    name: str
    seconds_once: float
    seconds_a_picture: float
    bytes_in: float
    bytes_out: float
    one_file: bool = False

    def predicted(self, pictures: int) -> float:
        """Seconds of one core."""
        return self.seconds_once + pictures * self.seconds_a_picture


@dataclass(frozen=True, slots=True)
class Driver:
    """Of the one process that hands out the work: pictures listed, pieces handed out (0: unknown) and rows written in a
    second, and bytes of memory for a picture.
    """

    listed: float
    pieces: float
    written: float
    bytes_a_name: float
    pictures_in_a_piece: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """Of the machines: cores and network (gigabit a second) of each, gigabytes a second that the storage gives and
    takes in all, and prices: of an hour of a machine, and of keeping a gigabyte for a month.
    """

    cores: int
    network: float
    storage: float
    machine_hour: float
    gigabyte_month: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Machines and hours of a job, hours of its stages, and what it costs; `slowest` names the stage that decides."""

    pictures: int
    machines: int
    stages: dict[str, float]
    hours: float
    slowest: str
    memory: float
    terabytes_in: float
    terabytes_out: float
    cost_a_million: float


SERIAL = ("listing", "writing")


def fitted(name: str, few: tuple[int, float], many: tuple[int, float], bytes_in: float, bytes_out: float) -> Work:
    """The line through two measurements, each pictures and seconds."""
    slope = (many[1] - few[1]) / (many[0] - few[0])
    return Work(name, max(0.0, few[1] - slope * few[0]), slope, bytes_in, bytes_out)


def plan(pictures: int, work: Work, cluster: Cluster, driver: Driver, hours: float) -> Plan:
    """The job with as many machines as compute it in `hours`."""
    core_hours = work.predicted(pictures) / 3600
    machines = max(1, math.ceil(core_hours / (cluster.cores * hours)))
    stages = {
        "listing": _hours(pictures, driver.listed),
        "computing": core_hours / (machines * cluster.cores),
        "network": _hours(pictures * work.bytes_in, machines * cluster.network * GIGA / 8),
        "storage": _hours(pictures * (work.bytes_in + work.bytes_out), cluster.storage * GIGA),
        "handing out": _hours(pictures / driver.pictures_in_a_piece, driver.pieces),
        "writing": _hours(pictures, driver.written) if work.one_file else 0.0,
    }
    together = max(value for name, value in stages.items() if name not in SERIAL)
    whole = together + sum(stages[name] for name in SERIAL)
    kept = pictures * work.bytes_out / GIGA * cluster.gigabyte_month
    return Plan(
        pictures=pictures,
        machines=machines,
        stages=stages,
        hours=whole,
        slowest=max(stages, key=lambda name: stages[name]),
        memory=pictures * driver.bytes_a_name / GIGA,
        terabytes_in=pictures * work.bytes_in / 1e12,
        terabytes_out=pictures * work.bytes_out / 1e12,
        cost_a_million=(machines * whole * cluster.machine_hour + kept) / (pictures / 1e6),
    )


def cores_until(work: Work, cluster: Cluster, driver: Driver) -> dict[str, float]:
    """For everything that goes on beside computing, the cores that it keeps busy; the least is the first bottleneck."""
    rate = 1 / work.seconds_a_picture
    return {
        "network of a machine": cluster.network * GIGA / 8 / (work.bytes_in * rate),
        "storage": cluster.storage * GIGA / ((work.bytes_in + work.bytes_out) * rate),
        "handing out": driver.pieces * driver.pictures_in_a_piece / rate,
    }


def _hours(amount: float, a_second: float) -> float:
    return amount / a_second / 3600 if a_second else 0.0
