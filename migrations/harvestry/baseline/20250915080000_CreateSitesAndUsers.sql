CREATE TABLE sites (
    site_id uuid NOT NULL,
    name varchar(120) NOT NULL,
    time_zone varchar(64) NOT NULL DEFAULT 'UTC',
    CONSTRAINT pk_sites PRIMARY KEY (site_id)
);

-- Which user may see which site: what every row-level security policy asks. Users are users of the auth service,
-- in the core database, so user_id carries no foreign key.
CREATE TABLE user_sites (
    user_id uuid NOT NULL,
    site_id uuid NOT NULL,
    CONSTRAINT pk_user_sites PRIMARY KEY (user_id, site_id),
    CONSTRAINT fk_user_sites_site FOREIGN KEY (site_id) REFERENCES sites (site_id)
);
