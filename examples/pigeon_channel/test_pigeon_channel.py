"""The pigeon keeps the contract of channels."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pigeon_channel import PigeonChannel

from orchestrator.channels.api import Callback, OutgoingMessage
from orchestrator.testing.channels import HttpProvider, adapter_of, exercise_channel

KEY = "coo-coo-4711-canary"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass
class Loft:
    """Makes the callbacks of the loft."""

    def delivered(self, message: OutgoingMessage, provider_id: str | None) -> Callback:
        said = {
            "flight": provider_id,
            "key": message.provider_key,
            "landed": True,
            "at": 1772445600,
        }
        return self.signed(json.dumps(said).encode())

    def signed(self, body: bytes) -> Callback:
        signature = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-loft-signature": signature}
        return Callback("POST", "https://kopi.example/receipts/pigeon", headers, body, AT)


def test_the_pigeon_keeps_the_contract(tmp_path: Path) -> None:
    with HttpProvider() as provider:

        def make() -> PigeonChannel:
            return adapter_of(
                PigeonChannel,
                f"{{loft: '{provider.url}', key: 'env:LOFT_KEY'}}",
                folder=tmp_path,
                secrets={"LOFT_KEY": KEY},
                timeout=timedelta(seconds=2),
            )

        done = exercise_channel(make, provider, callbacks=Loft())

    assert done.left_out == ()
