-- title: An address in logs of mail servers
-- doc: Findings whose party is an address (of IPv6, its /64), each as a program told it last, the newest first.
WITH told AS (
    SELECT finding, party, class, diagnosis, probability, first_seen, last_seen, {network} AS network,
           row_number() OVER (PARTITION BY finding ORDER BY told_at DESC, last_seen DESC) AS place
    FROM findings
    WHERE told_at < $until AND last_seen >= $from AND source_ip IS NOT NULL
      AND change NOT IN ('right', 'wrong', 'informed', 'fixed')
)
SELECT finding, party, class, diagnosis, probability, first_seen, last_seen
FROM told
WHERE place = 1 AND network = $network
ORDER BY finding DESC
LIMIT {rows}
