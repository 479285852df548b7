/* A range in a cell scans the slots without the mutex, while the table is exchanged for another. A unit
 * and a range that conflict are still never both held.
 *
 * In growth.c the scan is under the mutex, as the growth is. Without the mutex the range may have the address of
 * the old table, and read there what was before the slot was closed, although the unit has entered the
 * new one: the slots that they use are then two words, of which the two-sided argument says nothing.
 *
 *   W, L     unit, as in cells-unit.c       S, B  range, as there
 *   TABLE    unit, load of the table's address
 *   SCANNED  range, load of the table's address, after S
 *   CLOSE    swap of a slot of the old table for MOVED; in src/raw all of this is in resize.rs
 *   MOVE     store of what it was into the new one
 *   PUBLISH  store of the table's address
 *
 *   -DCLOSE=acq_rel   as it was when only the mutex scanned: must fail
 *   -DCLOSE=acq_rel -DPUBLISH=seq_cst -DSCANNED=seq_cst [-DTABLE=seq_cst]   instead of CLOSE
 *   -DCLOSE=acq_rel -DFENCE   a SeqCst fence between closing and publishing instead
 *   -DAGAIN           the old table comes back afterwards (the table is halved, or kept for reuse)
 *   -DRESET_FIRST     its slots are freed before those of the other are closed: must fail
 */
#include <pthread.h>
#include <stdatomic.h>

#define relaxed memory_order_relaxed
#define acquire memory_order_acquire
#define release memory_order_release
#define acq_rel memory_order_acq_rel
#define seq_cst memory_order_seq_cst

#ifndef W
#define W seq_cst
#endif
#ifndef L
#define L seq_cst
#endif
#ifndef S
#define S seq_cst
#endif
#ifndef B
#define B seq_cst
#endif
#ifndef LEAVE
#define LEAVE release
#endif
#ifndef TABLE
#define TABLE acquire
#endif
#ifndef SCANNED
#define SCANNED acquire
#endif
#ifndef CLOSE
#define CLOSE seq_cst
#endif
#ifndef MOVE
#define MOVE relaxed
#endif
#ifndef PUBLISH
#define PUBLISH release
#endif

enum { FREE = 0, SOLE = 1, MOVED = 9 };

static atomic_int slot[2], table, summary; /* the unit's slot in each table; which table it is */
static int data;

static void *unit(void *unused) {
    atomic_int *mine = &slot[atomic_load_explicit(&table, TABLE)];
    int word = FREE;
    /* If it is closed the unit takes the mutex; here it gives up. So it does below, if it was moved. */
    if (!atomic_compare_exchange_strong_explicit(mine, &word, SOLE, W, relaxed)) return 0;
    if (atomic_load_explicit(&summary, L) == 0) data++;
    word = SOLE;
    atomic_compare_exchange_strong_explicit(mine, &word, FREE, LEAVE, relaxed);
    return 0;
}

static void *range(void *unused) {
    atomic_fetch_or_explicit(&summary, 1, S);
    for (int tries = 0; tries < 2; tries++) {
        int word = atomic_load_explicit(&slot[atomic_load_explicit(&table, SCANNED)], B);
        if (word == MOVED) continue; /* after that it would take the mutex */
        if (word == FREE) data++;
        break;
    }
    atomic_fetch_and_explicit(&summary, 0, release);
    return 0;
}

static void exchange(int from, int to) {
    int word = atomic_exchange_explicit(&slot[from], MOVED, CLOSE);
    atomic_store_explicit(&slot[to], word, MOVE);
#ifdef FENCE
    atomic_thread_fence(seq_cst);
#endif
    atomic_store_explicit(&table, to, PUBLISH);
}

static void *grow(void *unused) {
    exchange(0, 1);
#ifdef AGAIN
#ifdef RESET_FIRST
    atomic_store_explicit(&slot[0], FREE, release);
#endif
    exchange(1, 0);
#endif
    return 0;
}

int main(void) {
    pthread_t g, u, r;
    pthread_create(&g, 0, grow, 0);
    pthread_create(&u, 0, unit, 0);
    pthread_create(&r, 0, range, 0);
    return 0;
}
