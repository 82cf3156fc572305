from tests.brief.conftest import project

__all__ = ["project"]
