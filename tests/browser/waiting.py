"""What a test waits for: conditions of the page, never a time."""

from pathlib import Path

from playwright.sync_api import Page, TimeoutError

LONGEST_MS = 120_000  # that a machine which does other things too may need
LOOK_MS = 50  # between two looks at a canvas: reading one in every frame keeps a core busy
SILENCE_MS = 800  # in which the page asks nothing: longer than any of its timers


def fall_silent(page: Page) -> None:
    """Waits until every question of the page is answered and, for as long as its timers may take, nothing is asked."""
    page.evaluate("() => { window.asked.at = performance.now(); }")
    is_silent = "(ms) => window.asked.open.size === 0 && performance.now() - window.asked.at > ms"
    try:
        page.wait_for_function(is_silent, arg=SILENCE_MS, polling=50, timeout=LONGEST_MS)
    except TimeoutError as error:
        raise AssertionError(f"not answered: {page.evaluate('() => [...window.asked.open.values()]')}") from error


def come_to_rest(page: Page) -> None:
    """Waits until nothing on the page moves any more."""
    page.wait_for_function("document.getAnimations().every((animation) => animation.playState !== 'running')")


def another_picture(page: Page, canvas: str, before: str) -> str:
    """Waits until a canvas shows another picture than this; returns it, as a data URL."""
    shows_another = "([selector, before]) => document.querySelector(selector).toDataURL() !== before"
    page.wait_for_function(shows_another, arg=[canvas, before], polling=LOOK_MS)
    return picture_of(page, canvas)


def picture_of(page: Page, canvas: str) -> str:
    """What a canvas shows, as a data URL; waits until something is drawn, and the next frame with it."""
    page.wait_for_function(
        """(selector) => {
            const canvas = document.querySelector(selector);
            if (!canvas?.width) return false;
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return data.some((value, k) => k % 4 === 3 && value > 0);
        }""",
        arg=canvas,
        polling=LOOK_MS,
    )
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.locator(canvas).first.evaluate("canvas => canvas.toDataURL()")


def downloaded(page: Page, within: str, kind: str) -> tuple[str, Path]:
    """What a button of the row of downloads gives: the name that the page suggests for it, and the file."""
    with page.expect_download(timeout=LONGEST_MS) as download:
        page.locator(f"{within} .downloads").get_by_role("button", name=kind, exact=True).click()
    return download.value.suggested_filename, Path(download.value.path())
