-- title: Who of those found was seen at decoys
-- doc: Findings whose party is an address, with evidence in the window, and what came from that address (of IPv6, from its /64)
--      to the decoys in the window. The lead is from the first visit to a decoy to the first line of evidence in the log, in
--      seconds: below zero the log had it first. An address may have changed hands between.
WITH parties AS (
    SELECT finding, max(party) AS party, max(source_ip) AS source_ip, min(first_seen) AS first_seen
    FROM findings
    WHERE told_at < $until AND last_seen >= $from AND source_ip IS NOT NULL {filter}
    GROUP BY finding
), found AS (
    SELECT *, {network} AS network FROM parties
), visits AS (
    SELECT {network} AS network, sensor, accepted_at AS at, 1 AS connections, 0 AS emails
    FROM sessions
    WHERE accepted_at >= $from AND accepted_at < $until
    UNION ALL
    SELECT {network} AS network, sensor, accepted_at AS at, 0 AS connections, 1 AS emails
    FROM messages
    WHERE accepted_at >= $from AND accepted_at < $until
)
SELECT finding, party, source_ip, first_seen, count(DISTINCT sensor) AS sensors, sum(connections) AS connections,
       sum(emails) AS emails, min(at) AS decoys_first, max(at) AS decoys_last,
       CAST((CAST(first_seen AS BIGINT) - CAST(min(at) AS BIGINT)) / 1000000 AS BIGINT) AS lead_seconds
FROM found JOIN visits ON visits.network = found.network
GROUP BY finding, party, source_ip, first_seen
ORDER BY finding DESC
LIMIT {rows}
