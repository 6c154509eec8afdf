BEGIN;

-- What is counted and where belongs to the ERP: public.products and public.warehouses.
CREATE TABLE IF NOT EXISTS inventario_historico (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fecha_snapshot DATE NOT NULL,
    producto_id UUID NOT NULL,
    almacen_id UUID NOT NULL,
    cantidad NUMERIC(18, 3) NOT NULL,
    costo_unitario NUMERIC(14, 4),
    valor_total NUMERIC(20, 4) GENERATED ALWAYS AS (cantidad * costo_unitario) STORED,
    creado_en TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    CONSTRAINT fk_inventario_historico_producto FOREIGN KEY (producto_id) REFERENCES public.products(id),
    CONSTRAINT fk_inventario_historico_almacen FOREIGN KEY (almacen_id) REFERENCES public.warehouses(id)
);

CREATE UNIQUE INDEX IF NOT EXISTS idx_inventario_historico_unico
    ON inventario_historico(fecha_snapshot, producto_id, almacen_id);
CREATE INDEX IF NOT EXISTS idx_inventario_historico_producto
    ON inventario_historico(producto_id, fecha_snapshot DESC);
CREATE INDEX IF NOT EXISTS idx_inventario_historico_almacen
    ON inventario_historico(almacen_id, fecha_snapshot DESC);
CREATE INDEX IF NOT EXISTS idx_inventario_historico_sin_existencias
    ON inventario_historico(fecha_snapshot) WHERE cantidad <= 0;

CREATE OR REPLACE VIEW v_inventario_historico_reciente AS
SELECT h.fecha_snapshot, p.sku, w.code AS almacen, h.cantidad, h.valor_total
FROM inventario_historico AS h
JOIN public.products AS p ON p.id = h.producto_id
JOIN public.warehouses AS w ON w.id = h.almacen_id
WHERE h.fecha_snapshot >= CURRENT_DATE - INTERVAL '30 days';

COMMENT ON TABLE inventario_historico IS 'Fotografía diaria de las existencias por producto y almacén';
COMMENT ON COLUMN inventario_historico.fecha_snapshot IS 'Día al que corresponde la fotografía';
COMMENT ON COLUMN inventario_historico.cantidad IS 'Existencias al cierre del día; negativa si se vendió de más';
COMMENT ON COLUMN inventario_historico.valor_total IS 'cantidad × costo_unitario';
COMMENT ON VIEW v_inventario_historico_reciente IS 'Los últimos 30 días';

-- Record migration
INSERT INTO schema_migrations (version, name)
VALUES ('001', 'add_historical_inventory')
ON CONFLICT (version) DO NOTHING;

COMMIT;
