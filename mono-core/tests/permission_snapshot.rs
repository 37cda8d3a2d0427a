//! Snapshots answer as the engine that issued them, and whatever was changed in them is refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![cfg(feature = "snapshot")]

mod permission_world;

use mono_core::permission::*;
use permission_world::{NAMES, Stored, facts, moment, places, stored, tenant};
use proptest::prelude::*;

const SECRET: [u8; 32] = [42; 32];

fn bytes(stored: &Stored, facts: &Principal) -> Vec<u8> {
    let (issued_at, expires_at) = (moment(0), moment(10));
    let request = SnapshotRequest { principal: "ana", tenant: tenant(0), facts, issued_at, expires_at };
    stored.engine().snapshot(&request, &SECRET).unwrap()
}

fn small() -> (Stored, Principal) {
    let catalogue = Catalogue::new("9").with(PermissionEntry::new("tenant.files.read", ""));
    let roles = vec![Role::new("reader").allow(["tenant.*"])];
    let facts = Principal {
        assignments: vec![Assignment::new("reader", Scope::tenant(tenant(0)))],
        ..Principal::default()
    };
    (Stored { catalogue, roles, custom: vec![], overrides: vec![] }, facts)
}

fn verify(bytes: &[u8], second: i64) -> Result<Snapshot, SnapshotError> {
    Snapshot::verify(bytes, &[snapshot_public_key(&[1; 32]), snapshot_public_key(&SECRET)], moment(second))
}

#[test]
fn a_changed_expired_or_future_snapshot_is_refused() {
    let (stored, facts) = small();
    let good = bytes(&stored, &facts);
    let snapshot = verify(&good, 1).unwrap();
    assert_eq!((snapshot.principal(), snapshot.catalogue_version()), ("ana", "9"));
    assert_eq!((snapshot.tenant(), snapshot.issued_at()), (tenant(0), moment(0)));
    assert_eq!(verify(&good, 10).unwrap_err(), SnapshotError::Expired(moment(10)));
    for place in 0..good.len() {
        for bit in [1, 128] {
            let mut changed = good.clone();
            changed[place] ^= bit;
            let error = verify(&changed, 1).unwrap_err();
            let expected = match place {
                0..3 => SnapshotError::Malformed,
                3 if changed[3] == 0 => SnapshotError::Malformed,
                3 => SnapshotError::FutureVersion(changed[3]),
                _ => SnapshotError::BadSignature,
            };
            assert_eq!(error, expected);
        }
    }
    for length in 0..good.len() {
        assert!(verify(&good[..length], 1).is_err());
    }
    let stranger = [snapshot_public_key(&[1; 32])];
    assert_eq!(Snapshot::verify(&good, &stranger, moment(1)).unwrap_err(), SnapshotError::BadSignature);
    assert_eq!(Snapshot::verify(&good, &[], moment(1)).unwrap_err(), SnapshotError::BadSignature);
}

#[test]
fn a_snapshot_knows_nothing_outside_of_its_tenant_and_time() {
    let (stored, mut facts) = small();
    facts.assignments.push(Assignment::new("reader", Scope::platform()));
    let snapshot = verify(&bytes(&stored, &facts), 1).unwrap();
    assert!(snapshot.check("tenant.files.read", &Scope::tenant(tenant(0)), moment(9)));
    assert!(!snapshot.check("tenant.files.read", &Scope::tenant(tenant(0)), moment(10)));
    assert!(!snapshot.check("tenant.files.read", &Scope::tenant(tenant(1)), moment(9)));
    assert!(snapshot.explain("tenant.files.read", &Scope::platform(), moment(9)).is_none());
}

#[test]
fn a_clock_that_is_far_behind_keeps_no_snapshot_in_force() {
    let (stored, facts) = small();
    let good = bytes(&stored, &facts);
    let here = Scope::tenant(tenant(0));
    assert_eq!(verify(&good, -301).unwrap_err(), SnapshotError::FromTheFuture(moment(0)));
    let snapshot = verify(&good, -300).unwrap();
    assert!(snapshot.check("tenant.files.read", &here, moment(-300)));
    // Whoever puts the clock back keeps nothing either.
    assert!(!snapshot.check("tenant.files.read", &here, moment(-301)));
    assert!(snapshot.explain("tenant.files.read", &here, moment(-301)).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_answers_as_the_engine_does(stored in stored(), facts in facts(), second in 0_i64..6) {
        let set = stored.engine().compile(&facts);
        let snapshot = verify(&bytes(&stored, &facts), 0).unwrap();
        for name in NAMES {
            for at in places().into_iter().filter(|at| at.tenant_id() == Some(tenant(0))) {
                let (here, there) = (set.check(name, &at, moment(second)), snapshot.check(name, &at, moment(second)));
                prop_assert_eq!(here, there, "{} at {}", name, at);
                let reason = snapshot.explain(name, &at, moment(second)).unwrap().reason;
                prop_assert_eq!(set.explain(name, &at, moment(second)).reason, reason);
            }
        }
    }
}
