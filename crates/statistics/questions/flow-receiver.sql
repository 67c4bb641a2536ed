-- title: What the receiver of samples took, and what it lost
-- doc: Packets of mail that samples told, and datagrams that the kernel dropped since nobody took them.
SELECT sum(told) AS told, sum(kernel_drops) AS kernel_drops
FROM traffic_coverage
WHERE at >= $from AND at < $until AND agent IS NULL
