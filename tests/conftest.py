"""What several test files look at, made once for the whole session."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, settings

import decision_os as dos
from decision_os.batch import Intake, read_folder
from decision_os.engine.result import RunResult
from decision_os.samples import SAMPLE_AT, write_exports
from tests.named import plain

__all__ = ["Sample"]


@attrs.frozen
class Sample:
    """The run over the sample exports, with what it was given."""

    given: Intake
    result: RunResult


# The same examples on every machine and in every run, however busy it is: what must pass before a change lands may not depend on luck.
settings.register_profile("same", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Texts that name a case, as `plain` writes them; other values as pytest does."""
    return plain(val) if isinstance(val, str) else None


@pytest.fixture(scope="session")
def engine() -> dos.Engine:
    """The reference rule book, ready to decide."""
    return dos.Engine.load(dos.reference_rules())


@pytest.fixture(scope="session")
def sample(engine: dos.Engine, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """One run over the sample exports: the slowest thing these tests do."""
    folder: Path = tmp_path_factory.mktemp("exports")
    write_exports(folder)
    given = read_folder(engine.book, folder)
    return Sample(given, engine.run(sources=given.sources, metrics=given.metrics, loads=given.loads, incidents=given.incidents, at=SAMPLE_AT))
