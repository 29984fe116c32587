//! `PUT` and `GET /api/v2/blobs/{hash}`: bytes by their BLAKE3 hash, in 64 hexadecimal digits.
//!
//! The `Authorization` header is that of any private method. A signature is over an empty body: the path names the hash, and the bytes must
//! have it.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, Method as Verb, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use rust_decimal::Decimal;
use tokio::sync::mpsc;

use super::credentials::caller;
use super::origin;
use crate::auth::{Caller, Need, Origin};
use crate::gateway::Gateway;
use crate::limits::Network;
use crate::peer::Peer;
use crate::server::Shared;
use crate::venue::{BLOB_LEN_MAX, BlobError, BlobHash, Venue};
use crate::wire::{ErrorCode, WireError, to_result};

/// What getting a blob needs.
pub(crate) const GET_NEED: Need = Need::TradeRead;
/// What putting one needs.
pub(crate) const PUT_NEED: Need = Need::TradeWrite;
/// Bytes that are read or written at a time.
const CHUNK: usize = 64 * 1_024;
/// Chunks that may wait for a disk or a socket.
const CHUNKS_MAX: usize = 8;

/// What was put.
#[derive(serde::Serialize)]
struct Put {
    hash: String,
    bytes: u64,
}

/// Answers one request.
pub(crate) async fn handle(
    (State(shared), ConnectInfo(peer)): (State<Shared>, ConnectInfo<Peer>),
    (Path(name), verb, uri): (Path<String>, Verb, Uri),
    headers: HeaderMap,
    body: Body,
) -> Response {
    let gateway = Arc::clone(&shared.gateway);
    let received_at = gateway.venue.now();
    let origin = origin(&gateway, peer, &headers);
    let network = Network::of(origin.address);
    let answer = async {
        gateway.admit(network).map_err(|breach| gateway.refuse(&breach))?;
        let hash = hash_of(&name)?;
        match verb {
            Verb::GET => {
                authorized(&gateway, (&headers, origin), (&verb, &uri), GET_NEED)?;
                get(&gateway.venue, hash).await.map(Ok)
            }
            Verb::PUT => {
                let caller = authorized(&gateway, (&headers, origin), (&verb, &uri), PUT_NEED)?;
                let len = announced(&headers)?;
                put(&gateway.venue, &caller, (hash, len), body).await.map(Err)
            }
            _ => Err(WireError::new(ErrorCode::InvalidRequest, "send GET or PUT")),
        }
    };
    let answer = match answer.await {
        Ok(Ok(response)) => return response,
        Ok(Err(put)) => Ok(to_result(&put)),
        Err(error) => Err(error),
    };
    let status = match &answer {
        Ok(_) => StatusCode::OK,
        Err(error) => StatusCode::from_u16(error.code().http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let text = gateway.reply(None, &answer, received_at);
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn authorized(
    gateway: &Gateway,
    (headers, origin): (&HeaderMap, Origin),
    (verb, uri): (&Verb, &Uri),
    need: Need,
) -> Result<Caller, WireError> {
    let header = headers.get(header::AUTHORIZATION).ok_or_else(|| {
        let reason = "blobs need an Authorization header, as private methods do";
        WireError::new(ErrorCode::Unauthorized, reason)
    })?;
    let caller = caller(gateway, header, (verb, uri, &Bytes::new()), origin)?;
    if let Err(error) = caller.scope.check(need) {
        gateway.note_refusal(Some(&caller), ("blobs", origin), &error);
        return Err(error);
    }
    Ok(caller)
}

fn hash_of(name: &str) -> Result<BlobHash, WireError> {
    let mut hash = [0; 32];
    hex::decode_to_slice(name, &mut hash).map_err(|_digits| {
        let reason = "a blob is named by 64 hexadecimal digits";
        WireError::new(ErrorCode::InvalidRequest, reason)
    })?;
    Ok(hash)
}

fn announced(headers: &HeaderMap) -> Result<u64, WireError> {
    let len = headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok());
    len.and_then(|text| text.parse().ok()).ok_or_else(|| {
        WireError::new(ErrorCode::InvalidRequest, "a blob's length must be in Content-Length")
    })
}

/// Writes beside the connection, as fast as the disk is.
async fn put(
    venue: &Venue,
    caller: &Caller,
    (hash, len): (BlobHash, u64),
    body: Body,
) -> Result<Put, WireError> {
    let (to_disk, mut chunks) = mpsc::channel::<Bytes>(CHUNKS_MAX);
    let within = venue.limits().body_within;
    let (venue, account) = (venue.clone(), caller.account);
    let written = tokio::task::spawn_blocking(move || {
        let mut writer = venue.blobs().begin(account, hash, len)?;
        while let Some(chunk) = chunks.blocking_recv() {
            writer.write(&chunk)?;
        }
        writer.finish(venue.now())
    });
    let mut parts = body.into_data_stream();
    // A part that does not come in time ends the blob, as one that is lost does.
    while let Ok(Some(Ok(part))) = tokio::time::timeout(within, parts.next()).await {
        if to_disk.send(part).await.is_err() {
            break;
        }
    }
    drop(to_disk);
    let stopped = |_panic| WireError::new(ErrorCode::Internal, "the blob was not written");
    written.await.map_err(stopped)?.map_err(|error| blob_error(&error))?;
    Ok(Put { hash: hex::encode(hash), bytes: len })
}

async fn get(venue: &Venue, hash: BlobHash) -> Result<Response, WireError> {
    let venue = venue.clone();
    let opened = tokio::task::spawn_blocking(move || venue.blobs().read(&hash)).await;
    let stopped = |_panic| WireError::new(ErrorCode::Internal, "the blob was not read");
    let (file, len) = opened.map_err(stopped)?.map_err(|error| blob_error(&error))?;
    let (to_socket, chunks) = mpsc::channel(CHUNKS_MAX);
    tokio::task::spawn_blocking(move || read_into(file, &to_socket));
    let parts = futures_util::stream::unfold(chunks, |mut chunks| async {
        chunks.recv().await.map(|chunk| (chunk, chunks))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, len.to_string()),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

fn read_into(mut file: File, to_socket: &mpsc::Sender<std::io::Result<Bytes>>) {
    loop {
        let mut chunk = vec![0; CHUNK];
        let read = match file.read(&mut chunk) {
            Ok(0) => return,
            Ok(read) => {
                chunk.truncate(read);
                Ok(Bytes::from(chunk))
            }
            Err(error) => Err(error),
        };
        let has_failed = read.is_err();
        // Nobody may be listening any more.
        if to_socket.blocking_send(read).is_err() || has_failed {
            return;
        }
    }
}

/// A refusal of the blobs' store.
pub(crate) fn blob_error(error: &BlobError) -> WireError {
    let refused = |code| WireError::new(code, error.to_string());
    match error {
        BlobError::TooLarge { .. } => {
            refused(ErrorCode::InvalidRequest).with_limit(Decimal::from(BLOB_LEN_MAX))
        }
        BlobError::OverQuota { limit, .. } | BlobError::Full { limit } => {
            refused(ErrorCode::TooManyRequests).with_limit(Decimal::from(*limit))
        }
        BlobError::WrongHash { .. } | BlobError::WrongLength { .. } => {
            refused(ErrorCode::InvalidRequest)
        }
        BlobError::Unknown { .. } => refused(ErrorCode::NotFound),
        BlobError::Io { .. } => {
            tracing::error!(%error, "blobs");
            WireError::new(ErrorCode::Internal, "the disk has failed")
        }
    }
}
