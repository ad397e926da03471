//! The way back, from any host.
