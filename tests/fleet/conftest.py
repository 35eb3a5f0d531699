"""The fleet's commands run in the same bare environment as the others."""

from ..cli.conftest import bare_environment as bare_environment
