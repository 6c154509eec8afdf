-- Seed: A customer with a contact
-- Service: crm-service
-- Author: Sales systems team
-- Date: 2024-04-01
-- Dependencies: 20240401_002, 20240201_005

BEGIN;

INSERT INTO customers (id, name, status, lifecycle_stage, account_manager_id, preference_id) VALUES
    ('c0000000-0000-4000-8000-000000000001', 'O''Reilly & Söhne', 'active', 'customer',
     'a0000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000001')
ON CONFLICT DO NOTHING;

INSERT INTO contacts (id, customer_id, full_name, email) VALUES
    ('c1000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000001', 'Tim O''Reilly', 'tim@example.com')
ON CONFLICT DO NOTHING;

COMMIT;
