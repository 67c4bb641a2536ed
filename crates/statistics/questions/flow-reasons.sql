-- title: Why the receiver of samples did not tell something
-- doc: How often, for each reason.
SELECT reason, sum(times) AS times
FROM (
    SELECT unnest(reasons) AS reason, unnest(reason_counts) AS times
    FROM traffic_coverage
    WHERE at >= $from AND at < $until AND agent IS NULL
)
GROUP BY reason
ORDER BY times DESC, reason
