DROP TABLE user_sites;
DROP TABLE sites;
