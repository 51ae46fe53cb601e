//! The protocol's gRPC form, gRPC's own health and reflection, and streams of poses.

mod inference;
mod statistics;
mod streams;
mod tensors;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tonic::service::Routes;
use tonic::{Code, Status};

use crate::failure::{Failure, FailureKind};
use crate::inference::Service;

/// What build.rs makes of the protocols.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "made by a program")]
mod protocol {
    pub mod inference {
        tonic::include_proto!("inference");
    }
    pub mod poselift {
        tonic::include_proto!("poselift");
    }
}

const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The services' names, as health and reflection have them.
const SERVICES: [&str; 2] = ["inference.GRPCInferenceService", "poselift.Streams"];

/// How often health looks whether the server is ready.
const HEALTH_PAUSE: Duration = Duration::from_millis(200);

/// All calls.
pub(crate) fn router(service: &Arc<Service>) -> Router {
    let (health_reporter, health) = tonic_health::server::health_reporter();
    let watched = Arc::clone(service);
    tokio::spawn(async move {
        loop {
            let is_ready = watched.is_ready();
            let status = match is_ready {
                true => tonic_health::ServingStatus::Serving,
                false => tonic_health::ServingStatus::NotServing,
            };
            for name in ["", SERVICES[0], SERVICES[1]] {
                health_reporter.set_service_status(name, status).await;
            }
            while watched.is_ready() == is_ready {
                tokio::time::sleep(HEALTH_PAUSE).await;
            }
        }
    });
    // Made by protox of files that a test compiles.
    let v1 = reflection().build_v1().expect("the descriptors are whole");
    let v1alpha = reflection().build_v1alpha().expect("the descriptors are whole");
    Routes::new(inference::server(service))
        .add_service(streams::server(service))
        .add_service(health)
        .add_service(v1)
        .add_service(v1alpha)
        .into_axum_router()
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

/// A failure in gRPC's form.
fn status(failure: Failure) -> Status {
    let code = match failure.kind {
        FailureKind::BadRequest => Code::InvalidArgument,
        FailureKind::NotFound => Code::NotFound,
        FailureKind::TooLarge => Code::OutOfRange,
        FailureKind::Unauthorised => Code::Unauthenticated,
        FailureKind::Forbidden => Code::PermissionDenied,
        FailureKind::Full(_) => Code::ResourceExhausted,
        FailureKind::Late => Code::DeadlineExceeded,
        FailureKind::Unavailable => Code::Unavailable,
        FailureKind::Broken => Code::Internal,
    };
    let mut status = Status::new(code, failure.message);
    if let FailureKind::Full(retry) = failure.kind
        && let Ok(millis) = retry.as_millis().to_string().parse()
    {
        // The name that gRPC's own clients know.
        status.metadata_mut().insert("grpc-retry-pushback-ms", millis);
    }
    status
}

/// The time that a client gives its call, as gRPC writes it: up to eight digits and a unit.
fn deadline<T>(request: &tonic::Request<T>) -> Option<Duration> {
    let text = request.metadata().get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number.checked_mul(3600)?)),
        "M" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_in_every_unit() {
        for (text, expected) in [
            ("2H", Some(Duration::from_secs(7200))),
            ("3M", Some(Duration::from_secs(180))),
            ("4S", Some(Duration::from_secs(4))),
            ("500m", Some(Duration::from_millis(500))),
            ("99999999u", Some(Duration::from_micros(99_999_999))),
            ("1n", Some(Duration::from_nanos(1))),
            ("1", None),
            ("", None),
            ("S", None),
            ("-1S", None),
        ] {
            let mut request = tonic::Request::new(());
            request.metadata_mut().insert("grpc-timeout", text.parse().unwrap());
            assert_eq!(deadline(&request), expected, "{text}");
        }
    }
}
