"""Whether everybody can use a page: what axe-core finds."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def serious_violations(page: Page) -> str:
    """The serious and critical ones, a line or two each; empty if there are none."""
    return "\n".join(
        f"{found['id']}: {found['help']}\n    {node['target']}  {node['html'][:200]}"
        for found in Axe().run(page).response["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    )
