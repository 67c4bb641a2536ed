-- title: Addresses by the instruments that saw them
-- doc: Addresses (of IPv6, the /64) that pushed mail through a decoy in the window; those whose finding in logs was called abuse in
--      it; and those that samples called a likely bot, or an open server or relay. Each with the instant at which an instrument
--      saw it first: a message, a line of a log, a sample of it as a client. It may have changed hands between.
WITH called AS (
    SELECT DISTINCT source_ip
    FROM traffic_verdicts
    WHERE told_at >= $from AND told_at < $until AND class IN ('likely-bot', 'open-relay')
), sights AS (
    SELECT {network} AS address, 'decoys' AS instrument, accepted_at AS at, asn, as_name, country
    FROM messages
    WHERE accepted_at >= $from AND accepted_at < $until
    UNION ALL
    SELECT {network} AS address, 'logs' AS instrument, first_seen AS at, asn, as_name, country
    FROM findings
    WHERE told_at >= $from AND told_at < $until AND class = 'abuse' AND source_ip IS NOT NULL
    UNION ALL
    SELECT {network} AS address, 'traffic' AS instrument, at, coalesce(gateway_as, asn) AS asn, as_name, country
    FROM traffic_hosts
    WHERE at >= $from AND at < $until AND samples > 0 AND source_ip IN (SELECT source_ip FROM called)
)
SELECT address, max(asn) AS asn, max(as_name) AS as_name, max(country) AS country,
       min(at) FILTER (WHERE instrument = 'decoys') AS decoys_at, min(at) FILTER (WHERE instrument = 'logs') AS logs_at,
       min(at) FILTER (WHERE instrument = 'traffic') AS traffic_at
FROM sights
GROUP BY address
