-- title: How many addresses the instruments saw, and saw together
-- doc: Addresses by the set of instruments that saw them.
SELECT decoys_at IS NOT NULL AS decoys, logs_at IS NOT NULL AS logs, traffic_at IS NOT NULL AS traffic, count(*) AS addresses
FROM seen
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
