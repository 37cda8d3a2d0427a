use mono_core::caller::{Caller, Identity, RequestContext};
use std::sync::Arc;

fn forged(identity: Arc<Identity>, request: Arc<RequestContext>) -> Caller {
    Caller { identity, request, metered_call: None, wrote: Arc::default(), expected_version: None, idempotency_key: None }
}

fn main() {}
