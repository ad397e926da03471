//! Plans, guards and waits.
