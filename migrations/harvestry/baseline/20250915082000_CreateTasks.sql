CREATE TABLE tasks (
    task_id uuid NOT NULL,
    site_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    title varchar(200) NOT NULL,
    due_on date NOT NULL,
    old_status varchar(20),
    CONSTRAINT pk_tasks PRIMARY KEY (task_id),
    CONSTRAINT fk_tasks_batch FOREIGN KEY (batch_id) REFERENCES batches (batch_id)
);
