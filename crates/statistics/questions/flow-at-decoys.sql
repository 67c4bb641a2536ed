-- title: An address at decoys
-- doc: What came from an address (of IPv6, from its /64) to the decoys. It may have changed hands between.
WITH visits AS (
    SELECT {network} AS network, sensor, accepted_at AS at, 1 AS connections, 0 AS emails
    FROM sessions
    WHERE accepted_at >= $from AND accepted_at < $until
    UNION ALL
    SELECT {network} AS network, sensor, accepted_at AS at, 0 AS connections, 1 AS emails
    FROM messages
    WHERE accepted_at >= $from AND accepted_at < $until
)
SELECT count(DISTINCT sensor) AS sensors, sum(connections) AS connections, sum(emails) AS emails, min(at) AS first_at,
       max(at) AS last_at
FROM visits
WHERE network = $network
