-- title: What each source sent under each sender domain
-- doc: As the first question, by the domain of MAIL FROM instead of the source.
SELECT sensor, sender_domain AS domain, protocol_bit,
       count(*) FILTER (WHERE accepted_at < $until) AS emails,
       coalesce(sum(recipient_count) FILTER (WHERE accepted_at < $until), 0) AS recipients,
       coalesce(sum(size) FILTER (WHERE accepted_at < $until), 0) AS bytes,
       count(*) FILTER (WHERE {first} AND session_accepted_at >= $from) AS connections
FROM messages
WHERE accepted_at >= $from AND session_accepted_at < $until AND (accepted_at < $until OR {first}) {class} {filter}
GROUP BY sensor, sender_domain, protocol_bit
