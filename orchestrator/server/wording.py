"""The words of the pages, in English and Indonesian."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "id"]

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "leave": "Unsubscribe",
        "leave_topic": "Stop messages about “{topic}”?",
        "leave_all": "Stop all marketing messages?",
        "at_once": "This takes effect at once. You can change your mind at any time.",
        "still": "Messages about your orders and your account are not affected.",
        "left": "You are unsubscribed",
        "left_topic": "You will get no more messages about “{topic}”.",
        "left_all": "You will get no more marketing messages from us.",
        "choose_link": "Choose what you get",
        "choose": "What would you like to get?",
        "choose_hint": "Tick what you want, then save.",
        "save": "Save",
        "none": "Unsubscribe from everything",
        "saved": "Saved",
        "saved_hint": "Your choice holds from now on.",
        "nothing_to_choose": "There is nothing to choose at the moment.",
        "lost": "This link does not work",
        "lost_hint": "Part of it may be missing. Please open it from the message once more.",
        "later": "That did not work just now",
        "later_hint": "Nothing was changed. Please try again in a minute.",
        "too_often": "Too many tries",
        "too_often_hint": "Please wait a few minutes, then open the link from the message.",
    },
    "id": {
        "leave": "Berhenti berlangganan",
        "leave_topic": "Hentikan pesan tentang “{topic}”?",
        "leave_all": "Hentikan semua pesan pemasaran?",
        "at_once": "Berlaku seketika. Anda dapat berubah pikiran kapan saja.",
        "still": "Pesan tentang pesanan dan akun Anda tidak terpengaruh.",
        "left": "Anda telah berhenti berlangganan",
        "left_topic": "Anda tidak akan menerima pesan tentang “{topic}” lagi.",
        "left_all": "Anda tidak akan menerima pesan pemasaran dari kami lagi.",
        "choose_link": "Pilih yang Anda terima",
        "choose": "Apa yang ingin Anda terima?",
        "choose_hint": "Centang yang Anda inginkan, lalu simpan.",
        "save": "Simpan",
        "none": "Berhenti dari semuanya",
        "saved": "Tersimpan",
        "saved_hint": "Pilihan Anda berlaku mulai sekarang.",
        "nothing_to_choose": "Saat ini tidak ada yang dapat dipilih.",
        "lost": "Tautan ini tidak berfungsi",
        "lost_hint": "Mungkin ada bagian yang hilang. Silakan buka lagi dari pesannya.",
        "later": "Belum berhasil",
        "later_hint": "Tidak ada yang berubah. Silakan coba lagi sebentar lagi.",
        "too_often": "Terlalu banyak percobaan",
        "too_often_hint": "Tunggu beberapa menit, lalu buka tautan dari pesannya.",
    },
}


def language_of(*locales: str | None) -> Language:
    """Return the first language among locales that there are words in; English if in none."""
    for locale in locales:
        known = (locale or "").replace("_", "-").partition("-")[0].lower()
        if known in ("id", "in"):  # "in" is what Java called Indonesian for decades
            return "id"
        if known == "en":
            return "en"
    return "en"


def accepted_locales(header: str) -> list[str]:
    """Return the locales of an ``Accept-Language`` header, the dearest first."""
    found = []
    for part in header[:200].split(","):
        match = _ACCEPTED.fullmatch(part.strip())
        if match:
            found.append((float(match["weight"] or 1), match["locale"]))
    return [locale for weight, locale in sorted(found, key=lambda one: -one[0]) if weight > 0]


_ACCEPTED = re.compile(r"(?P<locale>[a-zA-Z-]{1,20})(?:;\s*q=(?P<weight>[01](?:\.[0-9]{1,3})?))?")


def shown(name: str) -> str:
    """Return a name of the playbooks as people read it: ``product_news`` as “Product news”."""
    text = " ".join(re.split(r"[\s_-]+", name)).strip()
    return text[:1].upper() + text[1:]
