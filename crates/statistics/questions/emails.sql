-- title: Emails
-- doc: The newest first. No personal data: neither addresses of mail nor contents.
SELECT accepted_at, message_id, sensor, port, protocol, path, source_ip, prefix, announced, asn, as_name, country,
       sender_domain, recipient_count, size, quirks, origin_tables
FROM messages
WHERE accepted_at >= $from AND accepted_at < $until {class} {filter}
ORDER BY accepted_at DESC, message_id
LIMIT {rows} OFFSET {skip}
