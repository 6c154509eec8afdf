CREATE TABLE batches (
    batch_id uuid NOT NULL,
    site_id uuid NOT NULL,
    code varchar(40) NOT NULL,
    planted_on date NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'planned',
    CONSTRAINT pk_batches PRIMARY KEY (batch_id),
    CONSTRAINT uq_batches_site_code UNIQUE (site_id, code),
    CONSTRAINT fk_batches_site FOREIGN KEY (site_id) REFERENCES sites (site_id)
);
