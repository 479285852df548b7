/* A reader in a word of its own and a claim that conflicts are never both held, while the lock is opened and shut,
 * and the claim follows the readers that have left.
 *
 *   J      reader, compare-exchange of its word              readers.rs Cells::join
 *   M      reader, load of the summary after it              enter.rs summary_after_entering
 *   K      reader, load of the unit's slot after that        readers.rs attempt_as_reader
 *   LEAVE  reader, compare-exchange of the word              release.rs try_leave
 *   O      fetch_or of OPEN and READERS, with the mutex      readers.rs open
 *   C      fetch_and of OPEN, with the mutex                 readers.rs shut
 *   FOUND  load of the word after it                         readers.rs meet_reader
 *   CLEAR  fetch_and of READERS, if the word was free        readers.rs shut
 *   W, L   writer, as in unit-range.c; S: range, as in cells-unit.c
 *   E      either, load of the word                          readers.rs meet_reader
 *
 *   -DRANGE    the other is a range
 *   -DSHUT     the lock is open, and is shut meanwhile; without it, it is opened meanwhile
 *   -DK_FIRST  the reader loads the slot before the summary: a race
 */
#include <pthread.h>
#include <stdatomic.h>

#define relaxed memory_order_relaxed
#define acquire memory_order_acquire
#define release memory_order_release
#define acq_rel memory_order_acq_rel
#define seq_cst memory_order_seq_cst

#ifndef J
#define J seq_cst
#endif
#ifndef M
#define M seq_cst
#endif
#ifndef K
#define K seq_cst
#endif
#ifndef LEAVE
#define LEAVE release
#endif
#ifndef O
#define O seq_cst
#endif
#ifndef C
#define C seq_cst
#endif
#ifndef FOUND
#define FOUND seq_cst
#endif
#ifndef CLEAR
#define CLEAR release
#endif
#ifndef W
#define W seq_cst
#endif
#ifndef L
#define L seq_cst
#endif
#ifndef S
#define S seq_cst
#endif
#ifndef E
#define E seq_cst
#endif

enum { OPEN = 1, READERS = 2, RANGE_IS_THERE = 4 };

static atomic_int slot, word, summary;
static int data;

static void *reader(void *unused) {
    int none = 0, one = 1;
    if (!(atomic_load_explicit(&summary, relaxed) & OPEN)) return 0;
    if (!atomic_compare_exchange_strong_explicit(&word, &none, 1, J, relaxed)) return 0;
#ifdef K_FIRST
    int writer = atomic_load_explicit(&slot, K);
    int seen = atomic_load_explicit(&summary, M);
#else
    int seen = atomic_load_explicit(&summary, M);
    int writer = atomic_load_explicit(&slot, K);
#endif
    if (seen & OPEN && !(seen & RANGE_IS_THERE) && !writer) data++;
    atomic_compare_exchange_strong_explicit(&word, &one, 0, LEAVE, relaxed);
    return 0;
}

/* It stays, if it is held. */
static void *other(void *unused) {
#ifdef RANGE
    int seen = atomic_fetch_or_explicit(&summary, RANGE_IS_THERE, S);
#else
    int none = 0;
    atomic_compare_exchange_strong_explicit(&slot, &none, 1, W, relaxed);
    int seen = atomic_load_explicit(&summary, L);
#endif
    if (!(seen & READERS) || atomic_load_explicit(&word, E) == 0) data++;
    return 0;
}

static void *opener(void *unused) {
#ifdef SHUT
    atomic_fetch_and_explicit(&summary, ~OPEN, C);
    if (atomic_load_explicit(&word, FOUND) == 0) atomic_fetch_and_explicit(&summary, ~READERS, CLEAR);
#else
    atomic_fetch_or_explicit(&summary, OPEN | READERS, O);
#endif
    return 0;
}

int main(void) {
    pthread_t t[3];
#ifdef SHUT
    atomic_init(&summary, OPEN | READERS);
#endif
    pthread_create(&t[0], 0, reader, 0);
    pthread_create(&t[1], 0, other, 0);
    pthread_create(&t[2], 0, opener, 0);
    return 0;
}
