use std::time::Duration;

use super::{Claim, Claims, LEASE, Lookup, LookupFailure, Mine, Question, Refusal, Timestamp};
use crate::auth_service::KeyDigest;
use crate::principals::fixtures::{Lossy, MS, NOW, Racing, Recording, digest, put};
use crate::shared_data::{LocalData, SharedData};

/// One slot, so that all keys meet in it.
const ONE: Claims = Claims::new(1);

const CONCLUSIONS: [Lookup<()>; 9] = [
    Ok(()),
    Err(LookupFailure::Refused(Refusal::Invalid)),
    Err(LookupFailure::Refused(Refusal::Refused)),
    Err(LookupFailure::RateLimited { retry_after: None }),
    Err(LookupFailure::RateLimited {
        retry_after: Some(0),
    }),
    Err(LookupFailure::RateLimited {
        retry_after: Some(60),
    }),
    Err(LookupFailure::Unavailable),
    Err(LookupFailure::Unclear),
    Err(LookupFailure::Overloaded),
];

fn a() -> KeyDigest {
    digest("a")
}

fn b() -> KeyDigest {
    digest("b")
}

fn mine(claim: Claim) -> Mine {
    match claim {
        Claim::Mine(mine) => mine,
        other => panic!("{other:?}"),
    }
}

fn claim(shared: &dyn SharedData, digest: KeyDigest, now: Timestamp) -> Mine {
    mine(ONE.claim(shared, digest, now))
}

fn concluded(outcome: Lookup<()>, asked_at: Timestamp) -> Question {
    Question::Concluded { outcome, asked_at }
}

#[test]
fn one_vm_asks_and_the_others_see_it() {
    let data = LocalData::default();
    assert_eq!(ONE.question(&data, a(), NOW), Question::Free);
    claim(&data, a(), NOW);
    assert_eq!(ONE.claim(&data, a(), NOW), Claim::Theirs);
    assert_eq!(ONE.question(&data, a(), NOW), Question::Claimed);
    // The slot is busy with another key.
    assert_eq!(ONE.claim(&data, b(), NOW), Claim::Unclaimed);
    assert_eq!(ONE.question(&data, b(), NOW), Question::Free);
    assert_eq!(ONE.question(&data, a(), NOW), Question::Claimed);
}

#[test]
fn a_claim_lapses_unless_it_is_renewed() {
    for (renewed_after, age, held) in [
        (None, Duration::ZERO, true),
        (None, LEASE - MS, true),
        (None, LEASE, false),
        (None, LEASE * 1000, false),
        (Some(LEASE - MS), LEASE * 2 - MS * 2, true),
        (Some(LEASE - MS), LEASE * 2 - MS, false),
        // Too late, but nobody else has asked meanwhile.
        (Some(LEASE * 2), LEASE * 2, true),
        // The reader looked at the clock before the claim was renewed.
        (Some(LEASE / 2), Duration::ZERO, true),
        // A clock that has jumped back.
        (Some(LEASE / 2 + LEASE), Duration::ZERO, false),
    ] {
        let data = LocalData::default();
        let held_by_me = claim(&data, a(), NOW);
        if let Some(after) = renewed_after {
            ONE.renew(&data, a(), held_by_me, NOW + after);
        }
        let now = NOW + age;
        let question = if held {
            Question::Claimed
        } else {
            Question::Free
        };
        let shown = format!("{renewed_after:?} {age:?}");
        assert_eq!(ONE.question(&data, a(), now), question, "{shown}");
        let other = ONE.claim(&data, b(), now);
        assert_eq!(matches!(other, Claim::Mine(_)), !held, "{shown}");
        if held {
            assert_eq!(ONE.claim(&data, a(), now), Claim::Theirs, "{shown}");
        }
    }
    let data = LocalData::default();
    claim(&data, a(), NOW);
    claim(&data, a(), NOW + LEASE);
}

#[test]
fn a_claim_from_the_far_future_has_lapsed() {
    for (back, held) in [
        // Another VM looked at the clock just before this claim was made.
        (Duration::from_nanos(1), true),
        (LEASE - MS, true),
        // The clock has jumped back.
        (LEASE, false),
        (NOW, false),
    ] {
        let data = LocalData::default();
        claim(&data, a(), NOW);
        let found = ONE.claim(&data, a(), NOW - back);
        assert_eq!(found == Claim::Theirs, held, "{back:?}");
        assert_eq!(ONE.question(&data, a(), NOW - back), Question::Claimed);
    }
}

#[test]
fn renewing_touches_only_ones_own_open_claim() {
    let later = NOW + LEASE;
    for (taken_over, expected) in [
        // By another VM, for the same key: its claim must lapse in its own time.
        (a(), Question::Free),
        // For another key.
        (b(), Question::Free),
    ] {
        let data = LocalData::default();
        let lapsed = claim(&data, a(), NOW);
        claim(&data, taken_over, later);
        ONE.renew(&data, a(), lapsed, later + LEASE);
        assert_eq!(ONE.question(&data, a(), later + LEASE), expected);
    }
    for conclusion in CONCLUSIONS {
        let data = LocalData::default();
        let held = claim(&data, a(), NOW);
        ONE.conclude(&data, a(), conclusion, NOW, NOW);
        ONE.renew(&data, a(), held, NOW + MS);
        let question = ONE.question(&data, a(), NOW + MS);
        assert_eq!(question, concluded(conclusion, NOW));
    }
    let recording = Recording::default();
    ONE.renew(&recording, a(), Mine { since: NOW }, NOW);
    assert_eq!(recording.written.borrow().len(), 0, "nothing to renew");
}

#[test]
fn every_conclusion_is_seen_by_the_others() {
    let now = NOW + Duration::from_nanos(987_654_321);
    for conclusion in CONCLUSIONS {
        let data = LocalData::default();
        claim(&data, a(), NOW);
        assert_eq!(ONE.conclude(&data, a(), conclusion, NOW, now), None);
        assert_eq!(
            ONE.question(&data, a(), now + LEASE * 1000),
            concluded(conclusion, NOW)
        );
        assert_eq!(ONE.question(&data, b(), now), Question::Free);
        // A conclusion holds up nobody.
        claim(&data, a(), now);
        ONE.conclude(&data, a(), conclusion, now, now);
        claim(&data, b(), now);
        assert_eq!(ONE.question(&data, a(), now), Question::Free);
    }
    let beyond = Err(LookupFailure::RateLimited {
        retry_after: Some(u64::MAX),
    });
    let data = LocalData::default();
    ONE.conclude(&data, a(), beyond, NOW, NOW);
    let unknown = Err(LookupFailure::RateLimited { retry_after: None });
    assert_eq!(ONE.question(&data, a(), NOW), concluded(unknown, NOW));
}

#[test]
fn a_conclusion_needs_no_claim_but_leaves_another_keys_open_one() {
    for (age, expected) in [
        (LEASE - MS, Question::Free),
        (LEASE, concluded(Ok(()), NOW)),
    ] {
        let data = LocalData::default();
        claim(&data, b(), NOW);
        let now = NOW + age;
        ONE.conclude(&data, a(), Ok(()), NOW, now);
        assert_eq!(ONE.question(&data, a(), now), expected, "{age:?}");
        let open = ONE.question(&data, b(), now) == Question::Claimed;
        assert_eq!(open, expected == Question::Free, "{age:?}");
    }
    // The same key's open claim is answered by whoever has an answer.
    let data = LocalData::default();
    claim(&data, a(), NOW);
    ONE.conclude(&data, a(), Ok(()), NOW - MS, NOW);
    let expected = concluded(Ok(()), NOW - MS);
    assert_eq!(ONE.question(&data, a(), NOW), expected);
}

#[test]
fn a_later_refusal_contradicts_an_older_word() {
    let refused = Err(LookupFailure::Refused(Refusal::Refused));
    for (before, before_at, asked_at, contradicted) in [
        (refused, NOW, NOW - MS, true),
        (refused, NOW, NOW, false),
        (refused, NOW, NOW + MS, false),
        (Ok(()), NOW, NOW - MS, false),
        (Err(LookupFailure::Unavailable), NOW, NOW - MS, false),
        // From the future, by a clock that has jumped back since.
        (refused, NOW + LEASE * 2, NOW, false),
    ] {
        for conclusion in [Ok(()), Err(LookupFailure::Unavailable)] {
            let data = LocalData::default();
            ONE.conclude(&data, a(), before, before_at, before_at);
            let now = NOW + LEASE;
            let told = ONE.conclude(&data, a(), conclusion, asked_at, now);
            let shown = format!("{before:?} at {before_at:?}, {conclusion:?} at {asked_at:?}");
            assert_eq!(told, contradicted.then_some(Refusal::Refused), "{shown}");
            let expected = if contradicted {
                concluded(before, before_at)
            } else {
                concluded(conclusion, asked_at)
            };
            assert_eq!(ONE.question(&data, a(), now), expected, "{shown}");
        }
    }
    let data = LocalData::default();
    ONE.conclude(&data, b(), refused, NOW, NOW);
    let told = ONE.conclude(&data, a(), Ok(()), NOW - MS, NOW);
    assert_eq!(told, None, "another key's refusal says nothing");
}

#[test]
fn of_two_that_claim_at_once_one_asks() {
    for seen_before in [false, true] {
        for (rivals, expected) in [(a(), Claim::Theirs), (b(), Claim::Unclaimed)] {
            let data = LocalData::default();
            if seen_before {
                ONE.conclude(
                    &data,
                    a(),
                    Err(LookupFailure::Unavailable),
                    NOW - LEASE,
                    NOW,
                );
            }
            let racing = Racing::new(&data, "", |data| {
                claim(data, rivals, NOW);
            });
            let found = ONE.claim(&racing, a(), NOW);
            assert_eq!(found, expected, "{seen_before}");
            assert_eq!(ONE.question(&data, rivals, NOW), Question::Claimed);
        }
    }
}

#[test]
fn what_another_vm_concludes_meanwhile_is_not_lost() {
    let refused = Err(LookupFailure::Refused(Refusal::Invalid));
    let refuse = |data: &LocalData| {
        ONE.conclude(data, a(), refused, NOW + MS, NOW + MS);
    };
    let data = LocalData::default();
    let held = claim(&data, a(), NOW);
    let racing = Racing::new(&data, "", refuse);
    let told = ONE.conclude(&racing, a(), Ok(()), NOW, NOW + MS);
    assert_eq!(told, Some(Refusal::Invalid));
    let expected = concluded(refused, NOW + MS);
    assert_eq!(ONE.question(&data, a(), NOW + MS), expected);

    let data = LocalData::default();
    claim(&data, a(), NOW);
    ONE.renew(&Racing::new(&data, "", refuse), a(), held, NOW + MS);
    assert_eq!(ONE.question(&data, a(), NOW + MS), expected);
}

#[test]
fn a_claim_lives_in_the_shared_data_only() {
    let data = LocalData::default();
    let held = claim(&data, a(), NOW);
    let lost = LocalData::default();
    ONE.renew(&lost, a(), held, NOW);
    assert_eq!(ONE.question(&lost, a(), NOW), Question::Free);
    for lies in [false, true] {
        let lossy = Lossy { lies };
        // Where nothing can be written, every VM asks for itself.
        assert_eq!(ONE.claim(&lossy, a(), NOW), Claim::Unclaimed);
        assert_eq!(ONE.question(&lossy, a(), NOW), Question::Free);
        let told = ONE.conclude(&lossy, a(), Ok(()), NOW, NOW);
        assert_eq!(told, None);
    }
}

#[test]
fn without_slots_nothing_is_claimed_or_written() {
    let (none, recording) = (Claims::new(0), Recording::default());
    assert_eq!(none.claim(&recording, a(), NOW), Claim::Unclaimed);
    none.renew(&recording, a(), Mine { since: NOW }, NOW);
    none.conclude(&recording, a(), Ok(()), NOW, NOW);
    assert_eq!(none.question(&recording, a(), NOW), Question::Free);
    assert_eq!(recording.written.borrow().len(), 0);
}

#[test]
fn garbage_in_a_slot_is_an_empty_slot() {
    let recording = Recording::default();
    claim(&recording, a(), NOW);
    let (name, good) = recording.only();
    let mut garbage: Vec<Vec<u8>> = (0..good.len()).map(|end| good[..end].to_vec()).collect();
    for length in 0..=good.len() + 10 {
        garbage.extend([0, 1, 0xff].map(|byte| vec![byte; length]));
    }
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    garbage.extend([0, 2, 0xff].map(|layout| with(0, layout)));
    garbage.extend([8, 0xff].map(|state| with(33, state)));
    for bytes in garbage {
        let shown = bytes.escape_ascii().to_string();
        let data = LocalData::default();
        put(&data, &name, &bytes);
        assert_eq!(ONE.question(&data, a(), NOW), Question::Free, "{shown}");
        ONE.renew(&data, a(), Mine { since: NOW }, NOW);
        assert_eq!(data.get(&name).unwrap().0, bytes, "{shown}");
        let told = ONE.conclude(&data, a(), Ok(()), NOW, NOW);
        assert_eq!(told, None, "{shown}");
        let expected = concluded(Ok(()), NOW);
        assert_eq!(ONE.question(&data, a(), NOW), expected, "{shown}");
        put(&data, &name, &bytes);
        claim(&data, a(), NOW);
        assert_eq!(ONE.question(&data, a(), NOW), Question::Claimed, "{shown}");
    }
}

#[test]
fn so_many_keys_take_so_many_names() {
    let (claims, recording) = (Claims::new(8), Recording::default());
    for index in 0..400 {
        let digest = digest(&format!("hk_live_{index}"));
        claims.claim(&recording, digest, NOW);
        claims.conclude(&recording, digest, Ok(()), NOW, NOW + LEASE);
    }
    let written = recording.written.borrow();
    assert_eq!(written.len(), 8);
    let values = written.values().flatten();
    assert!(values.clone().all(|value| value.len() <= 64));
    let holds_key = |bytes: &[u8]| bytes.windows(7).any(|window| window == b"hk_live");
    assert!(!values.clone().any(|value| holds_key(value)));
    assert!(!written.keys().any(|name| holds_key(name.as_bytes())));
}
