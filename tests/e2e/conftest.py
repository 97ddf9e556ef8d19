from collections.abc import Iterator

import pytest

from tests.e2e.stack import Running, running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("stack")) as started:
        yield started
