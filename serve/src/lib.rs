//! A server of the Open Inference Protocol, version 2, for models that someone else runs.
//!
//! It knows tensors, texts and connections, and nothing of poses: a [`Model`] takes requests and answers them when it
//! likes, a [`Loader`] makes models of files. `poselift serve` brings both.
//!
//! # The journey of a request
//!
//! [`Server::run`] takes a connection (`listen`, `tls`), a request passes the gate (`gate`: tokens, limits), `rest` or `grpc`
//! reads it into a [`Request`], `inference` finds the model, checks the tensors against what the model takes and submits
//! them; the model's answer comes back through a [`Reply`]; `metrics` counts it, `traces` tells a collector of it. A request whose client is gone, or whose
//! time is over, drops its end of the reply, and the model passes it over.
//!
//! A module may use only the modules before it in this list: `failure`; `tensor`; `model`; `models`; `folder`,
//! `metrics`, `stall`, `tls`, `traces`; `options`, `statistics`; `streams`; `inference`; `rest`; `gate`, `grpc`, `websocket`; `listen`; `server`.

mod failure;
mod folder;
mod gate;
mod grpc;
mod inference;
mod listen;
mod metrics;
mod model;
mod models;
mod options;
mod rest;
mod server;
mod stall;
mod statistics;
mod streams;
mod tensor;
mod tls;
mod traces;
mod websocket;

pub use failure::{Failure, FailureKind};
pub use folder::Loader;
pub use model::{
    Answer, Model, ModelInfo, Parameter, Parameters, Reply, Request, StreamAnswers, StreamClient, TensorInfo,
};
pub use options::{Limits, Options, OriginCheck};
pub use server::{Event, Report, Server};
pub use tensor::Tensor;
pub use tls::TlsFiles;
pub use traces::is_collector;
