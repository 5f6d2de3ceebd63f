//! The routes under `/_sim/`: looking at the model and changing it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::push::Shared;
use crate::front::{Act, Behaviour, Faults, PlannedFault};

#[derive(Debug, Deserialize)]
struct Webhook {
    url: String,
}

#[derive(Debug, Deserialize)]
struct Advance {
    advance_ms: u32,
}

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/_sim/ledger", get(ledger))
        .route("/_sim/act", post(act))
        .route("/_sim/behaviour", get(behaviour).patch(change_behaviour))
        .route("/_sim/faults", get(faults).patch(change_faults))
        .route("/_sim/faults/planned", post(plan_fault))
        .route("/_sim/webhook", put(set_webhook))
        .route("/_sim/clock", get(clock).post(advance))
}

async fn ledger(State(shared): State<Shared>) -> Response {
    let now_ms = shared.clock.now_ms();
    let ledger = shared.front(|front| {
        front.tick(now_ms);
        front.ledger()
    });
    Json(ledger).into_response()
}

async fn act(State(shared): State<Shared>, Json(act): Json<Act>) -> Response {
    let now_ms = shared.clock.now_ms();
    match shared.front(|front| front.act(now_ms, &act)) {
        Ok(conversation) => Json(json!({ "conversation": conversation })).into_response(),
        Err(error) => (StatusCode::CONFLICT, error.to_string()).into_response(),
    }
}

async fn behaviour(State(shared): State<Shared>) -> Json<Behaviour> {
    Json(shared.front(|front| front.behaviour().clone()))
}

async fn change_behaviour(State(shared): State<Shared>, Json(changes): Json<Value>) -> Response {
    shared.front(|front| match changed(front.behaviour(), changes) {
        Ok(behaviour) => {
            *front.behaviour_mut() = behaviour;
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    })
}

async fn faults(State(shared): State<Shared>) -> Json<Faults> {
    Json(shared.front(|front| front.faults().clone()))
}

async fn change_faults(State(shared): State<Shared>, Json(changes): Json<Value>) -> Response {
    shared.front(|front| match changed(front.faults(), changes) {
        Ok(faults) => {
            front.set_faults(faults);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    })
}

/// The settings with the fields that `changes` names; an unknown field is an error.
fn changed<T: Serialize + DeserializeOwned>(settings: &T, changes: Value) -> Result<T, serde_json::Error> {
    let mut settings = serde_json::to_value(settings)?;
    if let (Value::Object(settings), Value::Object(changes)) = (&mut settings, changes) {
        settings.extend(changes);
    }
    serde_json::from_value(settings)
}

async fn plan_fault(State(shared): State<Shared>, Json(fault): Json<PlannedFault>) -> StatusCode {
    shared.front(|front| front.plan_fault(fault));
    StatusCode::NO_CONTENT
}

async fn set_webhook(State(shared): State<Shared>, Json(webhook): Json<Webhook>) -> Response {
    match shared.connect_webhook(&webhook.url).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn clock(State(shared): State<Shared>) -> Response {
    Json(json!({ "now_ms": shared.clock.now_ms() })).into_response()
}

async fn advance(State(shared): State<Shared>, Json(advance): Json<Advance>) -> Response {
    shared.clock.advance(advance.advance_ms);
    clock(State(shared)).await
}
