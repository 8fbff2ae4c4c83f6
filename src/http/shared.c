/* SPDX-License-Identifier: MIT */
/* Connections counted by client address, for all servers of a process: an open-addressing table
 * under a mutex that is taken twice in a connection's life. Addresses hash with a random key, so
 * that a client cannot choose its neighbours. IPv6 counts by /64, the least that one client is
 * given. */
#include "base/macros.h"
#include "http/shared_priv.h"

#include <pthread.h>
#include <sys/random.h>

struct entry {
    uint8_t ip[16];
    uint32_t n; /* connections; 0: free */
};

struct weir_http_addresses {
    struct weir_mem *mem;
    uint64_t key[2]; /* constant after init */
    uint32_t mask;   /* constant after init: entries - 1 */
    pthread_mutex_t mutex;
    struct entry entries[]; /* under mutex */
};

enum weir_status weir_http_shared_init(struct weir_http_shared *shared, uint32_t conns_max,
                                       struct weir_mem *mem)
{
    uint32_t n = 64;
    while (n < conns_max * 2U && n < 1U << 30)
        n *= 2;
    struct weir_http_addresses *a =
        weir_mem_zalloc(mem, sizeof *a + (size_t)n * sizeof a->entries[0]);
    if (!a)
        return WEIR_ERR_NO_MEMORY;
    a->mem = mem;
    a->mask = n - 1;
    if (getrandom(a->key, sizeof a->key, 0) != (ssize_t)sizeof a->key ||
        pthread_mutex_init(&a->mutex, NULL) != 0) {
        weir_mem_free(mem, a);
        return WEIR_ERR_IO;
    }
    shared->addresses = a;
    return WEIR_OK;
}

void weir_http_shared_deinit(struct weir_http_shared *shared)
{
    struct weir_http_addresses *a = shared->addresses;
    if (!a)
        return;
    shared->addresses = NULL;
    (void)pthread_mutex_destroy(&a->mutex);
    weir_mem_free(a->mem, a);
}

/* What an address counts as. */
static void identity(const struct weir_addr *addr, uint8_t out[16])
{
    memset(out, 0, 16);
    if (addr->kind == WEIR_ADDR_IP4) {
        memcpy(out, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
        memcpy(out + 12, addr->ip, 4);
        return;
    }
    bool is_mapped = memcmp(addr->ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
    memcpy(out, addr->ip, is_mapped ? 16 : 8);
}

/* Multiply and fold, twice, with a secret key. */
static uint32_t hash(const struct weir_http_addresses *a, const uint8_t ip[16])
{
    uint64_t words[2];
    memcpy(words, ip, sizeof words);
    __extension__ unsigned __int128 x = (words[0] ^ a->key[0]);
    x *= words[1] ^ a->key[1] ^ 0x9e3779b97f4a7c15U;
    uint64_t folded = (uint64_t)x ^ (uint64_t)(x >> 64);
    x = folded ^ a->key[1];
    x *= a->key[0] | 1;
    folded = (uint64_t)x ^ (uint64_t)(x >> 64);
    return (uint32_t)(folded >> 16) & a->mask;
}

/* Finds the entry of an address, or the free one where it would be; mutex held. */
static struct entry *find(struct weir_http_addresses *a, const uint8_t ip[16])
{
    uint32_t i = hash(a, ip);
    for (uint32_t probes = 0; probes <= a->mask; probes++) {
        struct entry *e = &a->entries[i];
        if (e->n == 0 || memcmp(e->ip, ip, 16) == 0)
            return e;
        i = (i + 1) & a->mask;
    }
    return NULL;
}

bool weir_http_shared_address_add(struct weir_http_shared *shared, const struct weir_addr *addr,
                                  uint64_t max)
{
    struct weir_http_addresses *a = shared->addresses;
    uint8_t ip[16];
    identity(addr, ip);
    (void)pthread_mutex_lock(&a->mutex); /* A plain mutex of our own cannot fail. */
    struct entry *e = find(a, ip);
    bool is_added = e && e->n < max;
    if (is_added) {
        memcpy(e->ip, ip, sizeof e->ip);
        e->n++;
    }
    (void)pthread_mutex_unlock(&a->mutex);
    return is_added;
}

/* Closes the gap at `hole`: later entries of its run move up, so that runs have no gaps. */
static void close_gap(struct weir_http_addresses *a, uint32_t hole)
{
    for (uint32_t i = (hole + 1) & a->mask; a->entries[i].n > 0; i = (i + 1) & a->mask) {
        uint32_t home = hash(a, a->entries[i].ip);
        if (((i - home) & a->mask) < ((i - hole) & a->mask))
            continue;
        a->entries[hole] = a->entries[i];
        a->entries[i].n = 0;
        hole = i;
    }
}

void weir_http_shared_address_remove(struct weir_http_shared *shared, const struct weir_addr *addr)
{
    struct weir_http_addresses *a = shared->addresses;
    uint8_t ip[16];
    identity(addr, ip);
    (void)pthread_mutex_lock(&a->mutex);
    struct entry *e = find(a, ip);
    weir_assert(e);
    weir_assert(e->n > 0);
    if (--e->n == 0)
        close_gap(a, (uint32_t)(e - a->entries));
    (void)pthread_mutex_unlock(&a->mutex);
}
