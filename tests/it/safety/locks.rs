//! Two engines, one load balancer.
