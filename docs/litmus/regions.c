/* A unit, and a claim of the registry that has no cell, are never both held, whatever the summary showed before.
 *
 *   W        unit, compare-exchange of its slot        enter.rs attempt
 *   L        unit, load of the summary                 enter.rs summary_after_entering
 *   ADDRESS  unit, load of the counters' address       regions.rs may_meet_in
 *   LOOK     unit, load of its region's counter        regions.rs may_meet_in
 *   ADD      claim, store of the counter               regions.rs change
 *   BARRIER  claim, fence after that                   regions.rs add
 *   S        claim, fetch_or of the summary            board.rs publish
 *   PUBLISH  claim, store of the counters' address     regions.rs recount
 *   B        claim, load of the slot                   watch.rs watch
 *
 *   -DANEW   the claim is counted in counters that it publishes before it is shown
 *   -DLEAVES the claim was held before, and leaves; the unit follows it
 */
#include <pthread.h>
#include <stdatomic.h>

#define relaxed memory_order_relaxed
#define acquire memory_order_acquire
#define release memory_order_release
#define seq_cst memory_order_seq_cst

#ifndef W
#define W seq_cst
#endif
#ifndef L
#define L seq_cst
#endif
#ifndef ADDRESS
#define ADDRESS seq_cst
#endif
#ifndef LOOK
#define LOOK seq_cst
#endif
#ifndef ADD
#define ADD release
#endif
#ifndef BARRIER
#define BARRIER seq_cst
#endif
#ifndef S
#define S seq_cst
#endif
#ifndef PUBLISH
#define PUBLISH seq_cst
#endif
#ifndef B
#define B seq_cst
#endif
#ifndef SUBTRACT
#define SUBTRACT release
#endif

static atomic_int slot, summary, current, counter[2];
static int data;

static void *unit(void *unused) {
    int free = 0;
    if (!atomic_compare_exchange_strong_explicit(&slot, &free, 1, W, relaxed)) return 0;
    if (atomic_load_explicit(&summary, L) == 0
        || atomic_load_explicit(&counter[atomic_load_explicit(&current, ADDRESS)], LOOK) == 0)
        data++;
    return 0;
}

static void *claim(void *unused) {
#ifdef LEAVES
    data++;
    atomic_store_explicit(&counter[0], 0, SUBTRACT);
    return 0;
#endif
    int mine = 0;
#ifdef ANEW
    mine = 1;
    atomic_store_explicit(&current, mine, PUBLISH);
#endif
    int counted = atomic_load_explicit(&counter[mine], relaxed); /* the mutex is held */
    atomic_store_explicit(&counter[mine], counted + 1, ADD);
    atomic_thread_fence(BARRIER);
    atomic_fetch_or_explicit(&summary, 1, S);
    if (atomic_load_explicit(&slot, B) == 0) data++;
    return 0;
}

int main(void) {
    pthread_t t[2];
    atomic_init(&summary, 1); /* another is counted elsewhere */
#ifdef LEAVES
    atomic_init(&counter[0], 1);
#endif
    pthread_create(&t[0], 0, unit, 0);
    pthread_create(&t[1], 0, claim, 0);
    return 0;
}
