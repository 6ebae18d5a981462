//! numactl's grammar for lists of nodes and of PUs, without its defects on sparse numbering.
