-- title: What was sent to each recipient domain
-- doc: An email to recipients in several domains counts once in each of them, so that emails do not add up to the total;
--      recipients do. Connections are not told: one connection reaches many domains.
SELECT sensor, domain, protocol_bit, count(*) AS emails, sum(recipients) AS recipients,
       sum(size) AS bytes, CAST(0 AS BIGINT) AS connections
FROM (
    SELECT sensor, protocol_bit, size,
           unnest(recipient_domains) AS domain, unnest(recipient_domain_counts) AS recipients
    FROM messages
    WHERE accepted_at >= $from AND accepted_at < $until {class} {filter}
)
GROUP BY sensor, domain, protocol_bit
