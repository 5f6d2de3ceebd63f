//! Rate limits: lists of reserved times, in order: where another one fits. Pure.

/// The earliest time from `from_ms` on that may join `times` when no span shorter than `window_ms` may hold more than
/// `most` of them, also not together with later ones.
#[must_use]
pub fn earliest(times: &[i64], most: usize, window_ms: i64, from_ms: i64) -> i64 {
    assert!(most > 0, "somebody may always send at some time");
    let mut at_ms = from_ms;
    // Both ends grow from one run of times to the next, so that one pass is enough.
    for run in times.windows(most) {
        let (first, last) = (run[0], run[most - 1]);
        let is_full = last - first < window_ms;
        if is_full && last - window_ms < at_ms && at_ms < first + window_ms {
            at_ms = first + window_ms;
        }
    }
    at_ms
}

/// Puts a time where it belongs.
pub fn insert(times: &mut Vec<i64>, at_ms: i64) {
    times.insert(times.partition_point(|time| *time <= at_ms), at_ms);
}

/// The times that are not among `others`, which all are in `times`.
#[must_use]
pub fn without(times: &[i64], others: &[i64]) -> Vec<i64> {
    let mut others = others.iter().peekable();
    times.iter().copied().filter(|time| others.next_if(|other| *other <= time).is_none()).collect()
}

#[cfg(test)]
mod tests {
    use super::{earliest, without};

    fn check(times: &[i64], most: usize, from_ms: i64, expect: i64) {
        assert_eq!(earliest(times, most, 60, from_ms), expect, "{most} of {times:?} from {from_ms}");
    }

    #[test]
    fn a_time_fits_where_no_window_before_or_after_it_is_full() {
        check(&[], 1, 5, 5);
        check(&[0], 1, 5, 60);
        check(&[0], 2, 5, 5);
        check(&[0, 10], 2, 20, 60);
        check(&[0, 10, 60], 2, 20, 70);
        check(&[0, 200], 1, 61, 61);
        check(&[0, 200], 1, 141, 260);
        check(&[100, 110], 2, 40, 40);
        check(&[100, 110], 2, 51, 160);
        check(&[0, 100], 2, 50, 50);
    }

    #[test]
    fn equal_times_are_told_apart_by_their_number() {
        assert_eq!(without(&[1, 2, 2, 2, 3], &[2, 3]), [1, 2, 2]);
        assert_eq!(without(&[1, 2], &[]), [1, 2]);
        assert_eq!(without(&[1, 2], &[1, 2]), [0; 0]);
    }
}
