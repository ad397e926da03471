//! What the engine does with answers, signals and words, and who may start it.
