-- title: The queue of the abuse desk
-- doc: First things first: what is open before what is closed, abuse before trouble, those of our own before machines of
--      others, those whom nobody informed before those who were, what goes on before what is quiet; then by the probability,
--      in tenths, and by what was sent.
SELECT *
FROM cases
WHERE {which}
ORDER BY is_closed, CASE class WHEN 'abuse' THEN 0 WHEN 'trouble' THEN 1 WHEN 'harmless' THEN 2 ELSE 3 END,
         party = 'remote', informed_at IS NOT NULL, is_quiet, probability / 100 DESC,
         greatest(recipients, messages) DESC, finding
LIMIT {rows} OFFSET {skip}
