/* SPDX-License-Identifier: MIT */
/* The store of predictions against one that forgets nothing and looks at everything. */
#include "base/macros.h"
#include "live/store.h"
#include "test_mem.h"
#include "test_random.h"

#include <criterion/criterion.h>

#include <stdio.h>

static const struct weir_live_secret secret = {
    {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};

static void tear_down(void)
{
    cr_assert_eq(test_mem_n_live(), 0);
}

TestSuite(live_store, .fini = tear_down);

static struct weir_live_key key_of(uint32_t i)
{
    return weir_live_key_hash(&secret, &i, sizeof i);
}

static struct weir_live_store *store_of(uint32_t capacity, uint32_t ttl_s, uint32_t n_extra)
{
    struct weir_live_store *store;
    struct weir_live_store_opts opts = {capacity, ttl_s, n_extra};
    cr_assert_eq(weir_live_store_new(&store, &opts, test_mem()), WEIR_OK);
    return store;
}

/* The vectors of the reference implementation (vectors_sip128, key 00 … 0f, input 00 01 …). */
Test(live_store, keys_are_siphash)
{
    static const uint8_t input[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    struct weir_live_key none = weir_live_key_hash(&secret, input, 0);
    struct weir_live_key one = weir_live_key_hash(&secret, input, 1);
    cr_assert_eq(none.a, UINT64_C(0xe6a825ba047f81a3));
    cr_assert_eq(none.b, UINT64_C(0x930255c71472f66d));
    cr_assert_eq(one.a, UINT64_C(0x44af996bd8c187da));
    cr_assert_eq(one.b, UINT64_C(0x45fc229b11597634));
}

Test(live_store, an_id_may_name_a_row)
{
    struct weir_live_key r7 = weir_live_key_hash(&secret, "r7", 2);
    struct weir_live_key_names names = weir_live_key_names(&secret, WEIR_STR("r7"));
    cr_assert(names.n == 1 && weir_live_key_eq(names.keys[0], r7));
    names = weir_live_key_names(&secret, WEIR_STR("r7#12"));
    cr_assert(names.n == 2 && weir_live_key_eq(names.keys[0], weir_live_key_of_row(r7, 12)));
    cr_assert(weir_live_key_eq(names.keys[1], weir_live_key_hash(&secret, "r7#12", 5)));
    names = weir_live_key_names(&secret, WEIR_STR("r7#0"));
    cr_assert(names.n == 2 && weir_live_key_eq(names.keys[0], r7));
    static const char *const plain[] = {"r7#", "#3", "r7#03", "r7#x", "3", "r7#4294967296"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(plain); i++)
        cr_assert_eq(weir_live_key_names(&secret, weir_str_c(plain[i])).n, 1, "%s", plain[i]);
    for (uint32_t a = 0; a < 300; a++) {
        for (uint32_t b = 0; b < a; b++)
            cr_assert_not(
                weir_live_key_eq(weir_live_key_of_row(r7, a), weir_live_key_of_row(r7, b)));
    }
}

/* What is known of each key that was ever put, newest put last. */
struct naive {
    uint32_t key, at_s, tag;
    bool is_labelled, is_replaced;
};

/* Puts, finds and time at random; a store that is large enough for what comes never samples. */
Test(live_store, agrees_with_one_that_forgets_nothing)
{
    enum { KEYS = 400, STEPS = 60000, CAPACITY = 128, TTL = 50 };
    static struct naive all[STEPS];
    struct weir_test_random r;
    weir_test_random_init(&r, 21);
    struct weir_live_store *store = store_of(CAPACITY, TTL, 1);
    size_t n = 0;
    uint32_t now = 1000;
    uint64_t n_found = 0;
    uint64_t n_expired = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t k = (uint32_t)weir_test_random_below(&r, KEYS);
        struct weir_live_record *record = NULL;
        now += weir_test_random_below(&r, 3) == 0;
        if (weir_test_random_below(&r, 2) == 0) {
            for (size_t i = n; i-- > 0 && n - i <= CAPACITY;)
                all[i].is_replaced |= all[i].key == k;
            all[n++] = (struct naive){.key = k, .at_s = now, .tag = step};
            record = weir_live_store_put(store, key_of(k), now);
            cr_assert(record);
            record->score = step;
            *weir_live_store_extra(store, record) = (uint16_t)step;
            continue;
        }
        /* The last CAPACITY puts are there; the newest of a key is the one that is found. */
        const struct naive *expected = NULL;
        for (size_t i = n; i-- > 0 && n - i <= CAPACITY && !expected;) {
            if (all[i].key == k)
                expected = &all[i];
        }
        enum weir_live_store_found found = weir_live_store_find(store, key_of(k), now, &record);
        if (!expected) {
            cr_assert_eq(found, WEIR_LIVE_STORE_UNKNOWN);
            continue;
        }
        cr_assert_eq(found,
                     now - expected->at_s > TTL ? WEIR_LIVE_STORE_EXPIRED : WEIR_LIVE_STORE_FOUND);
        cr_assert_eq(record->score, expected->tag);
        cr_assert_eq(*weir_live_store_extra(store, record), (uint16_t)expected->tag);
        n_found += found == WEIR_LIVE_STORE_FOUND;
        n_expired += found == WEIR_LIVE_STORE_EXPIRED;
    }
    cr_assert(n_found > 1000 && n_expired > 1000, "%llu %llu", (unsigned long long)n_found,
              (unsigned long long)n_expired);
    const struct weir_live_store_counters *c = weir_live_store_counters(store);
    cr_assert_eq(c->n_put, n);
    cr_assert_eq(c->n_sampled_out, 0);
    weir_live_store_free(store);
}

/* What was put without a label is counted once: as expired, or as pushed out before its time. */
Test(live_store, what_goes_unlabelled_is_counted)
{
    struct weir_live_store *store = store_of(16, 10, 0);
    struct weir_live_record *record;
    const struct weir_live_store_counters *c = weir_live_store_counters(store);
    for (uint32_t i = 0; i < 16; i++)
        weir_live_store_put(store, key_of(i), 100)->flags |= i == 0 ? WEIR_LIVE_RECORD_LABELLED : 0;
    cr_assert_eq(weir_live_store_n(store), 16);
    (void)weir_live_store_put(store, key_of(16), 101); /* Pushes the labelled one out. */
    cr_assert_eq(c->n_evicted, 0);
    (void)weir_live_store_put(store, key_of(17), 101);
    cr_assert_eq(c->n_evicted, 1);
    cr_assert_eq(weir_live_store_find(store, key_of(1), 101, &record), WEIR_LIVE_STORE_UNKNOWN);
    cr_assert_eq(weir_live_store_find(store, key_of(2), 110, &record), WEIR_LIVE_STORE_FOUND);
    cr_assert_eq(weir_live_store_find(store, key_of(2), 111, &record), WEIR_LIVE_STORE_EXPIRED);
    for (int i = 0; i < 20; i++)
        (void)weir_live_store_find(store, key_of(99), 111, &record);
    cr_assert_eq(c->n_expired, 14);
    cr_assert_eq(weir_live_store_n(store), 2);
    for (uint32_t i = 20; i < 34; i++)
        (void)weir_live_store_put(store, key_of(i), 111);
    cr_assert_eq(c->n_expired, 14);
    cr_assert_eq(c->n_evicted, 1);
    (void)weir_live_store_put(store, key_of(20), 111);
    cr_assert_eq(c->n_duplicates, 1);
    cr_assert_eq(c->n_evicted, 2);
    weir_live_store_free(store);
}

/* Ten times as much as fits within the time to live: a share is kept, chosen by the key alone, for
 * the whole of that time; when less comes, all is kept again. */
Test(live_store, a_share_is_kept_where_too_much_comes)
{
    enum { CAPACITY = 1024, TTL = 1000 };
    struct weir_live_store *store = store_of(CAPACITY, TTL, 0);
    struct weir_live_record *record;
    uint32_t key = 0;
    uint32_t now = 0;
    for (; now < 8 * TTL; now++) {
        for (int i = 0; i < 10; i++)
            (void)weir_live_store_put(store, key_of(key++), now);
    }
    double share = weir_live_store_share(store);
    cr_assert(share >= 0.05 && share <= 0.2, "%g", share);
    int n_found = 0;
    int n_out = 0;
    for (uint32_t i = key - 10 * 500; i < key; i++) {
        enum weir_live_store_found found = weir_live_store_find(store, key_of(i), now, &record);
        n_found += found == WEIR_LIVE_STORE_FOUND;
        n_out += found == WEIR_LIVE_STORE_SAMPLED_OUT;
        cr_assert_neq(found, WEIR_LIVE_STORE_UNKNOWN);
    }
    cr_assert(n_found > 5000 * 0.7 * share && n_found < 5000 * 1.3 * share, "%d of %g", n_found,
              share);
    cr_assert_eq(n_found + n_out, 5000);
    for (; now < 20 * TTL; now += 20)
        (void)weir_live_store_put(store, key_of(key++), now);
    cr_assert_eq(weir_live_store_share(store), 1);
    weir_live_store_free(store);
}

Test(live_store, no_memory_is_an_ordinary_failure)
{
    struct weir_live_store *store = NULL;
    struct weir_live_store_opts opts = {64, 10, 3};
    for (uint64_t n = 1; n <= 4; n++) {
        test_mem_fail_at(n, false);
        cr_assert_eq(weir_live_store_new(&store, &opts, test_mem()), WEIR_ERR_NO_MEMORY);
        cr_assert_null(store);
    }
    test_mem_fail_at(0, false);
}
