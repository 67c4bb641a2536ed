-- title: Mail of customers by day
-- doc: What the mail servers took from customers on each day (UTC), without machines of others. A day without a row is one
--      of which no log was read.
SELECT date_bin(INTERVAL '1 day', at) AS day,
       coalesce(sum(messages) FILTER (WHERE party <> 'remote'), 0) AS messages,
       coalesce(sum(recipients) FILTER (WHERE party <> 'remote'), 0) AS recipients
FROM customers
WHERE at >= $from AND at < $until
GROUP BY 1
ORDER BY 1
