BEGIN;

CREATE TABLE IF NOT EXISTS alertas_inventario (
    producto_id UUID NOT NULL REFERENCES public.products(id) ON DELETE CASCADE,
    almacen_id UUID NOT NULL REFERENCES public.warehouses(id) ON DELETE CASCADE,
    existencia_minima NUMERIC(18, 3) NOT NULL CHECK (existencia_minima >= 0),
    PRIMARY KEY (producto_id, almacen_id)
);

COMMENT ON TABLE alertas_inventario IS 'Por debajo de existencia_minima se avisa al responsable';

-- Record migration
INSERT INTO schema_migrations (version, name)
VALUES ('002', 'add_inventory_alerts')
ON CONFLICT (version) DO NOTHING;

COMMIT;
