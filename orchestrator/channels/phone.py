"""Phone numbers as providers take them: E.164."""

from __future__ import annotations


def e164(number: str, region: str | None) -> str | None:
    """Return a number as ``+4366412345678``; None if it cannot be one.

    Args:
        region: the country of numbers without one, ISO 3166-1 (``AT``); None takes no such.
    """
    import phonenumbers  # noqa: PLC0415 - its tables cost 50 ms, and only phones need them

    try:
        read = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(read):
        return None
    return str(phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164))
