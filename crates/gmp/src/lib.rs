//! gmp
