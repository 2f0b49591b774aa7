//! Decides who may do what to an MLflow server.
pub mod catalog;
