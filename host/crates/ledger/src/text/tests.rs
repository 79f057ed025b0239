//! Amounts read and written.
use proptest::prelude::*;

use super::*;
use crate::MAX;

#[track_caller]
fn reads(meter: Meter, text: &str, n: u64) {
    assert_eq!(parse_amount(meter, text), Ok(n), "{text}");
}

#[track_caller]
fn refuses(meter: Meter, text: &str, why: &str) {
    let message = parse_amount(meter, text).unwrap_err().to_string();
    assert!(message.contains(why), "{text}: {message}");
}

#[test]
fn reads_what_people_write() {
    reads(Meter::Fuel, "10G", 10_000_000_000);
    reads(Meter::Fuel, "1.5 G", 1_500_000_000);
    reads(Meter::Fuel, "0", 0);
    reads(Meter::TokensIn, "20k", 20_000);
    reads(Meter::TokensOut, "20K", 20_000);
    reads(Meter::TokensOut, "1,912", 1_912);
    reads(Meter::Calls, "3M", 3_000_000);
    reads(Meter::Children, "16", 16);
    reads(Meter::Memory, "64MiB", 64 << 20);
    reads(Meter::Memory, "8 KiB", 8_192);
    reads(Meter::BytesSent, "1MB", 1_000_000);
    reads(Meter::BytesStored, "65536", 65_536);
    reads(Meter::BytesStored, "0.5KiB", 512);
    reads(Meter::WallTime, "5min", 300_000);
    reads(Meter::WallTime, "30s", 30_000);
    reads(Meter::WallTime, "250ms", 250);
    reads(Meter::WallTime, "2h", 7_200_000);
    reads(Meter::WallTime, "1500", 1_500);
    reads(Meter::MicroUsd, "$1.50", 1_500_000);
    reads(Meter::MicroUsd, "$0.000001", 1);
    reads(Meter::MicroUsd, "1500000", 1_500_000);
    reads(Meter::MicroUsd, "unlimited", MAX);
    reads(Meter::Fuel, "9007199254740991", MAX);
}

#[test]
fn refuses_what_is_not_certain() {
    for text in ["", " ", "G", "-1", "+1", ".5", "5.", "1..2", "1,5M", "1,2345", ",100", "١", "0x10"] {
        assert!(parse_amount(Meter::Fuel, text).is_err(), "{text}");
    }
    refuses(Meter::Fuel, "10X", "\"10X\" is not an amount of fuel: its unit is not known; write a number");
    refuses(Meter::Fuel, "10  G", "unit");
    refuses(Meter::Fuel, "10 ", "unit");
    refuses(Meter::Fuel, "10m", "unit");
    refuses(Meter::Fuel, "$10", "no number");
    refuses(Meter::Memory, "64M", "KiB, MiB");
    refuses(Meter::WallTime, "5m", "ms, s, min or h");
    refuses(Meter::MicroUsd, "1.50", "even");
    refuses(Meter::MicroUsd, "$0.0000001", "at most 6 decimals");
    refuses(Meter::MicroUsd, "$", "no number");
    refuses(Meter::Calls, "0.5", "even");
    refuses(Meter::Fuel, "9007199254740992", "over the limit");
    refuses(Meter::Fuel, "18446744073709551616", "over the limit");
    refuses(Meter::Fuel, "99999999999T", "over the limit");
    assert!(parse_amount(Meter::Fuel, &"9".repeat(100_000)).unwrap_err().to_string().len() < 200);
}

#[test]
fn shows_what_people_read() {
    let shown = |meter, cases: &[(u64, &str)]| {
        for (n, text) in cases {
            assert_eq!(show(meter, *n), *text);
        }
    };
    shown(Meter::Fuel, &[(0, "0"), (1_234, "1,234"), (10_000_000_000, "10 G"), (1_250_000, "1.3 M")]);
    shown(Meter::Fuel, &[(999_949, "999.9 k"), (999_950, "1 M"), (MAX - 1, "9 P"), (MAX, "unlimited")]);
    shown(Meter::TokensIn, &[(0, "0"), (20_000, "20k"), (1_912, "1,912"), (1_000_000, "1M")]);
    shown(Meter::Children, &[(16, "16")]);
    shown(Meter::Memory, &[(0, "0 B"), (512, "512 B"), (1_000, "1 KB"), (1_024, "1 KiB")]);
    shown(Meter::Memory, &[(64 << 20, "64 MiB"), (8_200, "8.2 KB"), (1_500_000, "1.5 MB")]);
    shown(Meter::Memory, &[(MAX - 1, "9 PB"), (1_000 << 20, "1,000 MiB")]);
    shown(Meter::WallTime, &[(0, "0 ms"), (250, "250 ms"), (1_250, "1.3 s"), (30_000, "30 s")]);
    shown(Meter::WallTime, &[(59_949, "59.9 s"), (59_999, "1 min"), (300_000, "5 min")]);
    shown(Meter::WallTime, &[(7_200_000, "2 h"), (3_723_400, "1 h 2 min 3 s")]);
    shown(Meter::MicroUsd, &[(0, "$0.00"), (1_500_000, "$1.50"), (1_234, "$0.001234")]);
    shown(Meter::MicroUsd, &[(1_234_500_000, "$1,234.50")]);
    assert_eq!([0, 999, 1_912, 1_000_000].map(grouped), ["0", "999", "1,912", "1,000,000"]);
}

fn any_meter() -> impl Strategy<Value = Meter> {
    proptest::sample::select(Meter::ALL.to_vec())
}

proptest! {
    /// What is shown of counts and money is exact, and can be typed in again.
    #[test]
    fn exact_styles_round_trip(n in 0..=MAX, zeros in 0u32..12) {
        let n = n / 10u64.pow(zeros) * 10u64.pow(zeros);
        for meter in [Meter::TokensIn, Meter::Calls, Meter::MicroUsd] {
            prop_assert_eq!(parse_amount(meter, &show(meter, n)), Ok(n));
        }
    }

    /// What is shown roughly is within a twentieth.
    #[test]
    fn rough_styles_are_close(n in 0..1_000_000_000_000_000u64, shift in 0u32..50) {
        let n = n >> shift;
        for meter in [Meter::Fuel, Meter::Memory, Meter::BytesSent] {
            let shown = parse_amount(meter, &show(meter, n)).unwrap();
            prop_assert!(shown.abs_diff(n) <= n / 20, "{} shown as {}", n, show(meter, n));
        }
    }

    #[test]
    fn nothing_panics(meter in any_meter(), text in "[0-9.,$ kKMGTiBmsinh]{0,12}|\\PC{0,8}", n: u64) {
        show(meter, n);
        if let Ok(n) = parse_amount(meter, &text) {
            prop_assert!(n <= MAX);
        }
    }
}
