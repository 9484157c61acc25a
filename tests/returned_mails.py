"""Mails that come back, as servers of three makes write them, and as a library does."""

from __future__ import annotations

from email import policy
from email.message import Message

KEY = "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZ"
TO = "ayu@mail.example"

POSTFIX = """\
Return-Path: <>
Delivered-To: {to}
Date: Tue,  3 Mar 2026 08:00:00 +0000 (UTC)
From: MAILER-DAEMON@mx.kopi.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4Q1yZ22zkq.1772524800/mx.kopi.example"

This is a MIME-encapsulated message.

--4Q1yZ22zkq.1772524800/mx.kopi.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

The mail system at mx.kopi.example could not hand your message over.

--4Q1yZ22zkq.1772524800/mx.kopi.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.kopi.example
X-Postfix-Queue-ID: 4Q1yZ22zkq
X-Postfix-Sender: rfc822; {to}
Arrival-Date: Tue,  3 Mar 2026 07:59:58 +0000 (UTC)

Final-Recipient: rfc822; {receiver}
Original-Recipient: rfc822;{receiver}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.mail.example
Diagnostic-Code: smtp; {code} {status} <{receiver}>: {words}

--4Q1yZ22zkq.1772524800/mx.kopi.example
Content-Description: Undelivered Message
Content-Type: message/rfc822

{returned}
--4Q1yZ22zkq.1772524800/mx.kopi.example--
"""

EXCHANGE = """\
Received: from DB8EUR06.prod.outlook.example (2603:10a6:10:1::1) by
 AM0PR.outlook.example with HTTPS; Tue, 3 Mar 2026 08:00:01 +0000
From: <postmaster@mail.example>
To: <{to}>
Date: Tue, 3 Mar 2026 08:00:00 +0000
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="_17e5b0c9-4b1d-4b8e_"
Content-Language: en-US
Message-ID: <6f1d@AM0PR.outlook.example>
In-Reply-To: <{key}@kopi.example>
References: <{key}@kopi.example>
Thread-Topic: Hai
Subject: =?utf-8?B?VW5kZWxpdmVyYWJsZTogSGFp?=
Auto-Submitted: auto-generated
X-MS-Exchange-Message-Is-Ndr:

--_17e5b0c9-4b1d-4b8e_
Content-Type: multipart/alternative; differences=Content-Type;
\tboundary="_7c2b_"

--_7c2b_
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

Nobody is called like this here=2E

--_7c2b_
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: base64

PGI+Tm9ib2R5PC9iPg==
--_7c2b_--

--_17e5b0c9-4b1d-4b8e_
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR.outlook.example
Received-From-MTA: dns;mx.kopi.example
Arrival-Date: Tue, 3 Mar 2026 07:59:59 +0000

Original-Recipient: rfc822;{receiver}
Final-Recipient: rfc822;{receiver}
Action: failed
Status: {status}
Diagnostic-Code: smtp;550 {status} RESOLVER.ADR.RecipientNotFound; no such
 recipient

--_17e5b0c9-4b1d-4b8e_
Content-Type: text/rfc822-headers

From: Kopi & Kain <halo@kopi.example>
To: {receiver}
Message-ID: <{key}@kopi.example>

--_17e5b0c9-4b1d-4b8e_--
"""

GMAIL = """\
Delivered-To: {to}
Return-Path: <>
Content-Type: multipart/report; boundary="00000000000088aa"; report-type=delivery-status
To: {to}
Auto-Submitted: auto-replied
From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>
Subject: Delivery Status Notification (Failure)
Message-ID: <69a69c40.050a@mx.google.example>
Date: Tue, 03 Mar 2026 00:00:00 -0800 (PST)

--00000000000088aa
Content-Type: multipart/related; boundary="00000000000088bb"

--00000000000088bb
Content-Type: multipart/alternative; boundary="00000000000088cc"

--00000000000088cc
Content-Type: text/plain; charset="UTF-8"

** Address not found **

--00000000000088cc
Content-Type: text/html; charset="UTF-8"

<b>Address not found</b>

--00000000000088cc--
--00000000000088bb
Content-Type: image/png; name="icon.png"
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--00000000000088bb--
--00000000000088aa
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.example
Arrival-Date: Mon, 02 Mar 2026 23:59:59 -0800 (PST)
X-Original-Message-ID: <{key}@kopi.example>

Final-Recipient: rfc822; {receiver}
Action: failed
Status: {status}
Diagnostic-Code: smtp; 550-{status} The email account that you tried to reach does not
 550 {status} exist. Check what you typed.
Last-Attempt-Date: Tue, 03 Mar 2026 00:00:00 -0800 (PST)

--00000000000088aa
Content-Type: message/rfc822

{returned}

--00000000000088aa--
"""

COMPLAINT = """\
From: <abuse@mail.example>
To: <feedback@kopi.example>
Date: Tue, 3 Mar 2026 08:00:00 +0000
Subject: FW: Hai
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report;
     boundary="part1_13d.2e68ed54"

--part1_13d.2e68ed54
Content-Type: text/plain; charset="US-ASCII"

Somebody pressed a button about this mail.

--part1_13d.2e68ed54
Content-Type: message/feedback-report

Feedback-Type: {type}
User-Agent: SomeFeedback/1.0
Version: 1
Original-Mail-From: <{mail_from}>
Arrival-Date: Tue, 3 Mar 2026 07:00:00 +0000

--part1_13d.2e68ed54
Content-Type: message/rfc822
Content-Disposition: inline

{returned}
--part1_13d.2e68ed54--
"""

AWAY = """\
From: {receiver}
To: {to}
Date: Tue, 3 Mar 2026 08:00:00 +0000
Subject: Automatic reply: 550 5.1.1 I do not exist this week
In-Reply-To: <{key}@kopi.example>
{header}
Content-Type: text/plain

Action: failed
Status: 5.1.1
"""

WISH = """\
Received: from mail.example
From: {receiver}
To: <{to}>
Date: Tue, 3 Mar 2026 08:00:00 +0000
Subject: unsubscribe

"""


def returned(key: str = KEY) -> str:
    """Return the headers of a mail of ours as a report gives them back."""
    return (
        f"Return-Path: <bounces@kopi.example>\nFrom: Kopi & Kain <halo@kopi.example>\n"
        f"To: ayu@mail.example\nSubject: Hai\nMessage-ID: <{key}@kopi.example>\n\nHai.\n"
    )


def raw(shape: str, **given: str) -> bytes:
    """Return a mail of one shape as it arrives; what is given replaces what it says."""
    key = given.get("key", KEY)
    standard = {
        "key": key, "to": f"bounces+{key}@mail.kopi.example", "receiver": TO, "action": "failed",
        "status": "5.1.1", "code": "550", "words": "no such user", "returned": returned(key),
        "type": "abuse", "mail_from": f"bounces+{key}@mail.kopi.example",
        "header": "Auto-Submitted: auto-replied",
    }  # fmt: skip
    return shape.format(**{**standard, **given}).replace("\n", "\r\n").encode()


def report(to: str, status: str, *receivers: dict[str, str], original: str | None = None) -> bytes:
    """Return a delivery report as the standard library writes one."""
    made = _of_type("multipart/report")
    made.set_param("report-type", "delivery-status")
    made["From"], made["To"], made["Subject"] = "MAILER-DAEMON@mx.example", to, "Undelivered"
    told = _of_type("text/plain")
    told.set_payload("It could not be delivered.")
    statuses = _of_type("message/delivery-status")
    statuses.attach(_headed({"Reporting-MTA": "dns; mx.example"}))
    standard = {"Final-Recipient": f"rfc822; {TO}", "Action": "failed", "Status": status}
    for fields in receivers or ({},):
        statuses.attach(_headed({**standard, **fields}))
    made.attach(told)
    made.attach(statuses)
    if original is not None:
        mail = _headed({"Message-ID": original, "To": TO})
        mail.set_payload("Hai.")
        whole = _of_type("message/rfc822")
        whole.attach(mail)
        made.attach(whole)
    return made.as_bytes()


def _headed(fields: dict[str, str]) -> Message:
    made = Message(policy=policy.SMTP)
    for name, value in fields.items():
        made[name] = value
    return made


def _of_type(type: str) -> Message:
    return _headed({"Content-Type": type})
