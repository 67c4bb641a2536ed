-- title: Time to detect and time to fix
-- doc: Of customers that were first called abuse in the window and that nobody called wrong, in seconds: from the first line of
--      evidence until something was told (`tell`) and until it was called abuse (`detect`), and from then until a person said
--      that it is fixed, or, where nobody did and it is quiet, its last line of evidence (`fix`). The quartiles are times of
--      cases, the lower one where two would do.
WITH abused AS (
    SELECT * FROM cases
    WHERE abuse_since >= $from AND abuse_since < $until AND wrong_at IS NULL AND party <> 'remote'
), took AS (
    SELECT 'tell' AS step, CAST(opened_at AS BIGINT) - CAST(first_seen AS BIGINT) AS micros FROM abused
    UNION ALL
    SELECT 'detect' AS step, CAST(abuse_since AS BIGINT) - CAST(first_seen AS BIGINT) AS micros FROM abused
    UNION ALL
    SELECT 'fix' AS step, CAST(ended_at AS BIGINT) - CAST(abuse_since AS BIGINT) AS micros
    FROM abused WHERE ended_at IS NOT NULL
), placed AS (
    SELECT step, CASE WHEN micros > 0 THEN micros / 1000000 ELSE 0 END AS seconds,
           row_number() OVER (PARTITION BY step ORDER BY micros) - 1 AS place,
           count(*) OVER (PARTITION BY step) - 1 AS last
    FROM took
)
SELECT step, count(*) AS cases,
       max(seconds) FILTER (WHERE place = last / 4) AS lower,
       max(seconds) FILTER (WHERE place = last / 2) AS median,
       max(seconds) FILTER (WHERE place = last * 3 / 4) AS upper,
       max(seconds) AS longest
FROM placed
GROUP BY step
ORDER BY CASE step WHEN 'tell' THEN 0 WHEN 'detect' THEN 1 ELSE 2 END
