-- title: Hosts of sampled mail traffic by what they most likely are
-- doc: Each host as it was told last in the window, with the reasons, the weightiest first. Unanswered and refused are thousandths:
--      of its requests, and of what came back. Traffic shows that something is unusual, not whether it was permitted or meant.
WITH newest AS (
    SELECT source_ip, max(told_at) AS told_at
    FROM traffic_verdicts
    WHERE told_at >= $from AND told_at < $until
    GROUP BY source_ip
), told AS (
    SELECT told.source_ip AS source_ip, coalesce(gateway_as, asn) AS asn,
           CASE WHEN gateway_as IS NULL OR gateway_as = asn THEN as_name END AS as_name, country, role, class, likeliest,
           probability, evidence, samples, packets, server_samples, destinations, clients, unanswered, refused, systems,
           first_seen, is_new, active_days, window_days, told.told_at AS told_at,
           row_number() OVER (PARTITION BY told.source_ip ORDER BY day DESC) AS place
    FROM traffic_verdicts AS told JOIN newest ON newest.source_ip = told.source_ip AND newest.told_at = told.told_at
    WHERE {which}
)
SELECT *, count(*) OVER () AS total
FROM told
WHERE place = 1 {filter}
ORDER BY CASE class WHEN 'likely-bot' THEN 0 WHEN 'open-relay' THEN 1 ELSE 2 END, probability DESC, samples DESC, source_ip
LIMIT {rows} OFFSET {skip}
