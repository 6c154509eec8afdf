//! The graph as one SVG file without scripts or outside references: a frame per database, time runs downwards.
