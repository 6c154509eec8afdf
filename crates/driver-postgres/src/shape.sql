-- The ledger's columns, constraints and indexes, one line each; ledger.shape holds what they have to be.
WITH relation AS (
  SELECT c.oid, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'dunlin' AND c.relname IN ('meta', 'ledger', 'obligation', 'event')
)
SELECT pg_catalog.concat_ws(' ', relname, attname, pg_catalog.format_type(atttypid, atttypmod), co.collname,
    CASE WHEN attnotnull THEN 'not null' END, NULLIF(attidentity::pg_catalog.text, ''), NULLIF(attgenerated::pg_catalog.text, ''),
    pg_catalog.pg_get_expr(d.adbin, d.adrelid)) AS line
  FROM relation r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation AND co.collname <> 'default'
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
UNION ALL SELECT pg_catalog.concat_ws(' ', relname, conname, pg_catalog.pg_get_constraintdef(c.oid))
  FROM relation r JOIN pg_catalog.pg_constraint c ON c.conrelid = r.oid WHERE c.contype <> 'n'
UNION ALL SELECT pg_catalog.concat_ws(' ', relname, pg_catalog.pg_get_indexdef(i.indexrelid))
  FROM relation r JOIN pg_catalog.pg_index i ON i.indrelid = r.oid
ORDER BY 1
