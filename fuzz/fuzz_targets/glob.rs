#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidewaiter_fuzz::gate::glob(bytes));
