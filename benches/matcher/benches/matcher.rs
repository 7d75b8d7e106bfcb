//! Measures matchcast's rules and other order books on the same stream of orders.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use matchcast_matcher_bench::{
    Lobster, Matchcore, Matcher, MatchingAlone, Order, OrderbookRs, WithAccounts, orders,
};

const ORDERS: usize = 20_000;

/// Measures a book that does the same work as matchcast's.
fn measure<M: Matcher>(criterion: &mut Criterion, name: &str, orders: &[Order]) {
    let expected = MatchingAlone::new(orders.len()).place(orders);
    assert_eq!(M::new(orders.len()).place(orders), expected, "{name} does the same work");
    measure_other::<M>(criterion, name, orders);
}

/// Measures a book that may do other work.
fn measure_other<M: Matcher>(criterion: &mut Criterion, name: &str, orders: &[Order]) {
    let mut group = criterion.benchmark_group("matcher");
    group.throughput(Throughput::Elements(orders.len() as u64));
    group.bench_function(name, |bencher| {
        let new = || M::new(orders.len());
        bencher.iter_batched(
            new,
            |mut matcher| (matcher.place(orders), matcher),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn all(criterion: &mut Criterion) {
    let orders = orders(ORDERS);
    measure::<MatchingAlone>(criterion, "matchcast, matching alone", &orders);
    measure::<WithAccounts>(criterion, "matchcast", &orders);
    // The tests show in which way.
    measure_other::<Matchcore>(criterion, "matchcore", &orders);
    measure::<OrderbookRs>(criterion, "orderbook-rs", &orders);
    measure::<Lobster>(criterion, "lobster", &orders);
}

criterion_group!(benches, all);
criterion_main!(benches);
