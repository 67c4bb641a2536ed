-- title: What hosts of sampled mail traffic most likely are
-- doc: Hosts by the class that was told last of each in the window; null is undecided. New ones are those that were no clients
--      before, as far as memory reaches.
WITH placed AS (
    SELECT class, is_new, coalesce(gateway_as, asn) AS asn,
           row_number() OVER (PARTITION BY source_ip ORDER BY told_at DESC, day DESC) AS place
    FROM traffic_verdicts
    WHERE told_at >= $from AND told_at < $until
)
SELECT class, count(*) AS hosts, count(DISTINCT asn) AS ases, count(*) FILTER (WHERE is_new) AS new
FROM placed
WHERE place = 1
GROUP BY class
ORDER BY count(*) DESC, class
