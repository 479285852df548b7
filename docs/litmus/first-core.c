/* The claim of unit-range.c (I4) for a lock that may have no core yet: the summary is in the core, and a unit that finds
 * no core takes the board for empty. The operations and where they are in src/raw:
 *
 *   W   unit, compare-exchange of the slot        enter.rs attempt, enter_slot
 *   L0  unit, load of the core's address          raw.rs existing_core
 *   L   unit, load of the summary                 enter.rs summary_after_entering
 *   C   range, exchange that makes the core       raw.rs make_core
 *   A   range, load that finds another's core     raw.rs core
 *   S   range, fetch_or of the summary            board.rs publish (fetch_or); enter.rs show_in_cell (fetch_add)
 *   B   range, load of the slot                   watch.rs watch; table.rs visit_used, Table::visit_block
 *
 *   -DW=acq_rel and so on  weakens one of them
 *   -DFOUND                a third thread makes the core; the range finds it, or does nothing
 *   -DL0_FIRST             L0 is before W
 *   -DLEAVES               who holds touches data and leaves; who may not hold takes itself back
 */
#include <assert.h>
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
#ifndef L0
#define L0 seq_cst
#endif
#ifndef L
#define L seq_cst
#endif
#ifndef C
#define C seq_cst
#endif
#ifndef A
#define A seq_cst
#endif
#ifndef S
#define S seq_cst
#endif
#ifndef B
#define B seq_cst
#endif

enum { CLAIM = 1 };

static atomic_int slot, core, summary;
static int unit_holds, range_holds;
#ifdef LEAVES
static int data;
#endif

static void *unit(void *unused) {
    int found = 0;
#ifdef L0_FIRST
    int has_core = atomic_load_explicit(&core, L0);
    atomic_compare_exchange_strong_explicit(&slot, &found, 1, W, relaxed);
#else
    atomic_compare_exchange_strong_explicit(&slot, &found, 1, W, relaxed);
    int has_core = atomic_load_explicit(&core, L0);
#endif
    unit_holds = !has_core || atomic_load_explicit(&summary, L) != CLAIM;
#ifdef LEAVES
    if (unit_holds) data++;
    atomic_store_explicit(&slot, 0, release);
#endif
    return 0;
}

#ifdef FOUND
static void *maker(void *unused) {
    int none = 0;
    atomic_compare_exchange_strong_explicit(&core, &none, 1, C, relaxed);
    return 0;
}
#endif

static void *range(void *unused) {
#ifdef FOUND
    if (!atomic_load_explicit(&core, A)) return 0;
#else
    int none = 0;
    atomic_compare_exchange_strong_explicit(&core, &none, 1, C, relaxed);
#endif
    atomic_fetch_or_explicit(&summary, CLAIM, S);
    range_holds = !atomic_load_explicit(&slot, B);
#ifdef LEAVES
    if (range_holds) data++;
    atomic_fetch_and_explicit(&summary, ~CLAIM, release);
#endif
    return 0;
}

int main(void) {
    pthread_t u, r;
    pthread_create(&u, 0, unit, 0);
#ifdef FOUND
    pthread_t m;
    pthread_create(&m, 0, maker, 0);
#endif
    pthread_create(&r, 0, range, 0);
    pthread_join(u, 0);
    pthread_join(r, 0);
#ifdef FOUND
    pthread_join(m, 0);
#endif
#ifndef LEAVES /* with LEAVES they may hold one after the other, and the data tells */
    assert(!(unit_holds && range_holds));
#endif
    return 0;
}
