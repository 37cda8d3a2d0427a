//! Where the windows of the calendar begin, and which thresholds are told of.

// A test stops at the first surprise, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use mono_core::subscription::{Allowance, Entitlements, LimitInForce, Threshold, Window};
use mono_core::time::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn months_and_days_end_where_the_calendar_says() {
    for (now, day, next_day, month, next_month) in [
        // A leap year, a year that is none, a century that is none and one that is.
        ("2028-02-28T23:59:59.999999Z", "2028-02-28", "2028-02-29", "2028-02-01", "2028-03-01"),
        ("2028-02-29T00:00:00Z", "2028-02-29", "2028-03-01", "2028-02-01", "2028-03-01"),
        ("2027-02-28T12:00:00Z", "2027-02-28", "2027-03-01", "2027-02-01", "2027-03-01"),
        ("2100-02-28T12:00:00Z", "2100-02-28", "2100-03-01", "2100-02-01", "2100-03-01"),
        ("2000-02-29T12:00:00Z", "2000-02-29", "2000-03-01", "2000-02-01", "2000-03-01"),
        // From the 31st into a month of thirty days, and over the end of a year.
        ("2026-03-31T23:59:59.999999Z", "2026-03-31", "2026-04-01", "2026-03-01", "2026-04-01"),
        ("2026-01-31T00:00:00Z", "2026-01-31", "2026-02-01", "2026-01-01", "2026-02-01"),
        ("2026-12-31T23:59:59.999999Z", "2026-12-31", "2027-01-01", "2026-12-01", "2027-01-01"),
        ("2027-01-01T00:00:00Z", "2027-01-01", "2027-01-02", "2027-01-01", "2027-02-01"),
    ] {
        let midnight = |day: &str| moment(&format!("{day}T00:00:00Z"));
        let (window, now) = (|window: Window, now| (window.start(now), window.end(now)), moment(now));
        assert_eq!(window(Window::Day, now), (midnight(day), Some(midnight(next_day))), "{now}");
        assert_eq!(window(Window::Month, now), (midnight(month), Some(midnight(next_month))), "{now}");
    }
}

#[test]
fn utc_decides_which_day_it_is() {
    // In Auckland it is March already, in Honolulu February still: each counts in the window of UTC.
    for (local, day, month) in [
        ("2028-03-01T08:00:00+13:00", "2028-02-29T00:00:00Z", "2028-02-01T00:00:00Z"),
        ("2028-03-01T13:00:00+13:00", "2028-03-01T00:00:00Z", "2028-03-01T00:00:00Z"),
        ("2028-02-29T13:59:59-10:00", "2028-02-29T00:00:00Z", "2028-02-01T00:00:00Z"),
        ("2028-02-29T14:00:00-10:00", "2028-03-01T00:00:00Z", "2028-03-01T00:00:00Z"),
    ] {
        assert_eq!(Window::Day.start(moment(local)), moment(day), "{local}");
        assert_eq!(Window::Month.start(moment(local)), moment(month), "{local}");
    }
}

/// Which thresholds a use has reached, in whole numbers and by the words: eighty percent, all, more than all.
fn naive(maximum: u64, used: u64) -> BTreeSet<Threshold> {
    let (maximum, used) = (u128::from(maximum), u128::from(used));
    let mut reached = BTreeSet::new();
    if maximum > 0 && used * 100 >= maximum * 80 {
        reached.insert(Threshold::NearlyFull);
    }
    if maximum > 0 && used >= maximum {
        reached.insert(Threshold::Full);
    }
    if used > maximum {
        reached.insert(Threshold::Exceeded);
    }
    reached
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn each_threshold_is_told_of_once_however_the_use_goes_up_and_down(
        maximum in prop_oneof![0_u64..30, Just(Allowance::GREATEST), Just(u64::MAX)],
        uses in proptest::collection::vec(prop_oneof![0_u64..40, Just(Allowance::GREATEST), Just(u64::MAX)], 1..12),
    ) {
        let limit = LimitInForce {
            maximum: Allowance::UpTo(maximum),
            ..Entitlements::none().limit("seats").clone()
        };
        let (mut announced, mut told) = (0, BTreeSet::new());
        for used in uses {
            let reached = limit.reached(announced, used);
            let now: BTreeSet<_> = reached.iter().map(|(threshold, _)| *threshold).collect();
            let expected: BTreeSet<_> = naive(maximum, used).difference(&told).copied().collect();
            prop_assert_eq!(&now, &expected);
            prop_assert_eq!(now.len(), reached.len());
            told.extend(now);
            announced = reached.last().map_or(announced, |(_, level)| *level);
        }
        let unlimited = LimitInForce { maximum: Allowance::Unlimited, ..limit };
        prop_assert_eq!(unlimited.reached(0, u64::MAX), []);
    }
}
