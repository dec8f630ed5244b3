"""A headless Chromium. Without one the tests are skipped, except where LATENTSCAPE_REQUIRE_BROWSER is set."""

import os
import shutil

import pytest
from playwright.sync_api import Error, expect, sync_playwright

expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, or one that `playwright install chromium` has put there."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        try:
            chromium = playwright.chromium.launch(executable_path=path, args=arguments)
        except Error as error:
            if os.environ.get("LATENTSCAPE_REQUIRE_BROWSER"):
                raise
            pytest.skip(f"no Chromium here: {error}")
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, request):
    """A fresh page; a JavaScript error on it fails the test."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors, f"JavaScript errors: {errors}"
