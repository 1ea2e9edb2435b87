//! Networks of namespaces for tests and demo.
