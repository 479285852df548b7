/* A reader that is counted in a cell, and one who takes the bias of its slot away or scans the slots, are never
 * both held; and who takes the bias away follows the readers that have left.
 *
 *   J      reader, compare-exchange of its word in a cell     bias.rs Cells::join
 *   K      reader, second load of the slot                    bias.rs attempt_biased
 *   L      reader, load of the summary                        enter.rs summary_after_entering
 *   LEAVE  reader, compare-exchange of the cell               bias.rs Cells::leave
 *   GIVE   compare-exchange that gives the bias               bias.rs Ledger::bias
 *   R      the other, fetch_or of the slot                    bias.rs Ledger::unbias
 *   E      the other, load and compare-exchange of the cell   bias.rs Cells::take_readers
 *   S, B   range, as in cells-unit.c
 *
 *   -DRANGE    the other is a range, and the bias is given while it looks
 */
#include <pthread.h>
#include <stdatomic.h>

#define relaxed memory_order_relaxed
#define acquire memory_order_acquire
#define release memory_order_release
#define seq_cst memory_order_seq_cst

#ifndef J
#define J seq_cst
#endif
#ifndef K
#define K seq_cst
#endif
#ifndef L
#define L seq_cst
#endif
#ifndef LEAVE
#define LEAVE release
#endif
#ifndef GIVE
#define GIVE seq_cst
#endif
#ifndef R
#define R seq_cst
#endif
#ifndef E
#define E seq_cst
#endif
#ifndef S
#define S seq_cst
#endif
#ifndef B
#define B seq_cst
#endif

enum { FREE = 0, BIASED = 1, WATCHED = 2 };

static atomic_int slot, cell, summary;
static int data;

static void leave(void) {
    int one = 1;
    /* If it is not there any more, it was counted into the slot, and nobody enters that here. */
    atomic_compare_exchange_strong_explicit(&cell, &one, 0, LEAVE, acquire);
}

static void *reader(void *unused) {
    int none = 0;
    if (atomic_load_explicit(&slot, seq_cst) != BIASED) return 0;
    if (!atomic_compare_exchange_strong_explicit(&cell, &none, 1, J, relaxed)) return 0;
    if (atomic_load_explicit(&slot, K) == BIASED && atomic_load_explicit(&summary, L) == 0) data++;
    leave();
    return 0;
}

/* With the mutex held. It is in if it has found no reader. */
static void unbias(void) {
    atomic_fetch_or_explicit(&slot, WATCHED, R);
    if (atomic_load_explicit(&cell, E) == 0) data++;
}

static void *other(void *unused) {
#ifdef RANGE
    atomic_fetch_or_explicit(&summary, 1, S);
    if (atomic_load_explicit(&slot, B) == FREE) data++;
    else unbias();
#else
    unbias();
#endif
    return 0;
}

static void *give(void *unused) {
    int free = FREE;
    atomic_compare_exchange_strong_explicit(&slot, &free, BIASED, GIVE, relaxed);
    return 0;
}

int main(void) {
    pthread_t t[3];
#ifdef RANGE
    pthread_create(&t[2], 0, give, 0);
#else
    atomic_init(&slot, BIASED);
#endif
    pthread_create(&t[0], 0, reader, 0);
    pthread_create(&t[1], 0, other, 0);
    return 0;
}
