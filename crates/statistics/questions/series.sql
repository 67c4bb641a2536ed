-- title: Emails and recipients by quarter of an hour
-- doc: By the instant of acceptance.
SELECT date_bin(INTERVAL '15 minutes', accepted_at) AS quarter, count(*) AS emails, sum(recipient_count) AS recipients
FROM messages
WHERE accepted_at >= $from AND accepted_at < $until {class} {filter}
GROUP BY 1
ORDER BY 1
