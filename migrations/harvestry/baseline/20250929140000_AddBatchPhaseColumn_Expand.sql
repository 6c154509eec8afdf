-- dunlin: phase expand
ALTER TABLE batches ADD COLUMN phase varchar(20);
