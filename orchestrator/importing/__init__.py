"""From files to rows: customers, events and receipts, as they are and only once each."""
