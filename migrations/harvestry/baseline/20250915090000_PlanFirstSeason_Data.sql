-- The first season as the spreadsheet had it: one site, twelve batches, three tasks a day for each of them.
-- Keys are computed from what they stand for, so that every database gets the same ones.
INSERT INTO sites (site_id, name, time_zone)
VALUES (md5('site/greenhouse-1')::uuid, 'Greenhouse 1', 'America/Denver');

INSERT INTO batches (batch_id, site_id, code, planted_on, status)
SELECT md5('batch/' || n)::uuid,
       md5('site/greenhouse-1')::uuid,
       'B' || to_char(n, 'FM00'),
       DATE '2025-03-01' + 7 * n,
       (ARRAY['planned', 'growing', 'drying', 'done'])[1 + n % 4]
FROM generate_series(1, 12) AS n;

INSERT INTO tasks (task_id, site_id, batch_id, title, due_on, old_status)
SELECT md5('task/' || b.code || '/' || day || '/' || title)::uuid,
       b.site_id,
       b.batch_id,
       title,
       b.planted_on + day,
       CASE WHEN day < 60 THEN 'done' WHEN day < 62 THEN 'in_progress' ELSE 'open' END
FROM batches AS b
CROSS JOIN generate_series(0, 119) AS day
CROSS JOIN (VALUES ('Irrigate'), ('Inspect; note pests'), ('Log climate')) AS plan (title);
