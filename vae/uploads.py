"""Uploads to the Hugging Face Hub: what may go wrong, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class UploadError(RuntimeError):
    """Nothing was uploaded, with a message that says what to do."""


@contextmanager
def uploading(to: str) -> Iterator[None]:
    """For calls of the Hub's client that write.

    Args:
        to: the repository, owner/name.

    Raises:
        UploadError: in place of what the client raises: no token, no permission, no network, or no name.
    """
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError, LocalTokenNotFoundError

    try:
        yield
    except HFValidationError:
        raise UploadError(f"{to!r} given; accepted: owner/name, such as your-name/latentscape") from None
    except LocalTokenNotFoundError:
        raise UploadError(
            "There is no token for the Hub here. Make one in your Hub settings, then: hf auth login"
        ) from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise UploadError(
                f"The Hub refuses {to}: the token needs write access to it. Log in: hf auth login"
            ) from None
        raise UploadError(f"The Hub answered with an error ({status}): {error.server_message or error}") from None
    except (HTTPError, OSError) as error:
        raise UploadError(f"The Hub cannot be reached ({error}). Check the network, then try again.") from None
