DELETE FROM tasks WHERE site_id = md5('site/greenhouse-1')::uuid;
DELETE FROM batches WHERE site_id = md5('site/greenhouse-1')::uuid;
DELETE FROM sites WHERE site_id = md5('site/greenhouse-1')::uuid;
