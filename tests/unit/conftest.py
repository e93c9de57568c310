"""What speeds up tests that call compiled functions."""

from tests.support.kernel_cache import cache_functions


def pytest_collection_finish() -> None:
    cache_functions()
