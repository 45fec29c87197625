"""Keeping and forgetting the hub token in the system's keyring.

Knows nothing of the hub; `hub.stored_token` reads what is kept here. Blocking: a keyring
may ask the person to unlock it.
"""

from __future__ import annotations

import re

from expert_studio.core.errors import SettingsError
from expert_studio.core.inference.hub import KEYRING_ACCOUNT, KEYRING_SERVICE

_TOKEN = re.compile(r"[\x21-\x7e]{1,512}")


def has_stored_token() -> bool:
    """Whether the keyring holds one; a machine without a keyring holds none."""
    import keyring
    from keyring.errors import KeyringError

    try:
        return bool(keyring.get_password(KEYRING_SERVICE, KEYRING_ACCOUNT))
    except KeyringError:
        return False


def keep_token(token: str) -> None:
    """Puts it into the keyring in place of any other.

    Raises:
        SettingsError: it cannot be a token, or there is no keyring that takes it.
    """
    if not _TOKEN.fullmatch(token):
        raise SettingsError(
            "The token was not kept.",
            "It holds spaces or characters that no token has.",
            "Copy it again from the hub's page of access tokens.",
        )
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(KEYRING_SERVICE, KEYRING_ACCOUNT, token)
    except KeyringError as cause:
        raise SettingsError(
            "The token was not kept.",
            "This system has no keyring that is open, and tokens are never written to a file.",
            "Set HF_TOKEN before starting Expert Studio instead.",
        ) from cause


def forget_token() -> None:
    """Removes it from the keyring; nothing happens when there is none.

    Raises:
        SettingsError: the keyring refused.
    """
    import keyring
    from keyring.errors import KeyringError, PasswordDeleteError

    try:
        keyring.delete_password(KEYRING_SERVICE, KEYRING_ACCOUNT)
    except PasswordDeleteError:
        return  # there was none
    except KeyringError as cause:
        raise SettingsError(
            "The token was not removed.",
            f"The system's keyring refused: {cause}.",
            "Remove it in the keyring's own program.",
        ) from cause
