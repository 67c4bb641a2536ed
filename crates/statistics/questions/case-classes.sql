-- title: Findings by class
-- doc: How many of each class are open, of our own and of machines of others; of the open ones, how many are quiet and of how
--      many somebody was informed; and how many are closed.
SELECT class,
       count(*) FILTER (WHERE NOT is_closed AND party <> 'remote') AS customers,
       count(*) FILTER (WHERE NOT is_closed AND party = 'remote') AS remotes,
       count(*) FILTER (WHERE NOT is_closed AND is_quiet) AS quiet,
       count(*) FILTER (WHERE NOT is_closed AND informed_at IS NOT NULL) AS informed,
       count(*) FILTER (WHERE is_closed) AS closed
FROM cases
GROUP BY class
ORDER BY class
