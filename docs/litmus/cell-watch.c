/* A claim that waits for one in a cell is woken when that one leaves, or sees that it has left; and it
 * never holds before that.
 *
 * The waiter is shown in a cell of its own first (S), then sets the watched bit beside the used bit of the one in
 * its way. Both that and the release are read-modify-writes of one word, so one comes first: the waiter finds
 * the used bit gone, or the releaser finds the watched bit, and takes the mutex to wake.
 *
 *   WATCH  waiter, fetch_or of the watched bit, with the mutex held
 *   S      waiter and newcomer, fetch_or of the used bit
 *   AND    holder, fetch_and of both bits
 *   FREE   holder, store of the cell's own word: after the waking, if there is any
 *   TAKE, SHOW, READ   as in cells.c, one order for start and end
 *   GRANT  the parker's store; its counterpart is an Acquire
 *
 *   -DT=3,4       a newcomer wants the holder's cell when it is free; its span is this. 2,3 conflicts
 *   -DGAVE_UP     the watched bit is set from the start, by a waiter that has given up
 *   -DFREE_FIRST  FREE comes before the waking: must fail with -DGAVE_UP -DT=2,3
 *   -DRETRY       a waiter that sees that the holder has left starts again (here: does no more)
 *   -DNO_MUTEX    the waiter is not queued under a mutex, but in a plain word
 *   -DNO_DATA     nobody touches data, so that only a lost wake-up fails: any orders will do
 *   -DTWO_STEPS   the holder looks for the watched bit first and leaves then: must fail
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define relaxed memory_order_relaxed
#define acquire memory_order_acquire
#define release memory_order_release
#define acq_rel memory_order_acq_rel
#define seq_cst memory_order_seq_cst

#ifdef NO_MUTEX
#ifndef WATCH
#define WATCH acq_rel
#endif
#ifndef AND
#define AND acq_rel
#endif
#endif
#ifndef WATCH
#ifdef RETRY
#define WATCH relaxed
#else
#define WATCH acquire
#endif
#endif
#ifndef S
#define S acq_rel
#endif
#ifndef AND
#define AND release
#endif
#ifndef FREE
#define FREE release
#endif
#ifndef TAKE
#define TAKE acquire
#endif
#ifndef SHOW
#define SHOW release
#endif
#ifndef READ
#define READ acquire
#endif
#ifndef GRANT
#define GRANT release
#endif

enum { USED = 1, WATCHED = 2, WAITER = 4 };
enum { UNIT = 2 }; /* what holder and waiter want */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_int own = 1, start = UNIT, end = UNIT + 1, granted;
#ifdef GAVE_UP
static atomic_int summary = USED | WATCHED;
#else
static atomic_int summary = USED;
#endif
static int waits;
#ifdef NO_DATA
static void touch(int unit) {}
#else
static int data[5];
static void touch(int unit) { data[unit]++; }
#endif

static int queued; /* guarded by the mutex, or else by the orders of WATCH and AND alone */
#ifdef NO_MUTEX
#define LOCK() (void)0
#define UNLOCK() (void)0
#else
#define LOCK() pthread_mutex_lock(&mutex)
#define UNLOCK() pthread_mutex_unlock(&mutex)
#endif

static void leave(void) {
#ifdef TWO_STEPS
    int seen = atomic_load_explicit(&summary, acquire);
    atomic_fetch_and_explicit(&summary, ~(USED | WATCHED), AND);
#else
    int seen = atomic_fetch_and_explicit(&summary, ~(USED | WATCHED), AND);
#endif
#ifdef FREE_FIRST
    atomic_store_explicit(&own, 0, FREE);
#endif
    if (seen & WATCHED) {
        LOCK();
        if (queued) {
            queued = 0;
            atomic_store_explicit(&granted, 1, GRANT);
        }
        UNLOCK();
    }
#ifndef FREE_FIRST
    atomic_store_explicit(&own, 0, FREE);
#endif
}

static void *holder(void *unused) {
    touch(UNIT);
    leave();
    return 0;
}

#ifdef T
static void newcomer_with(int from, int to) {
    if (atomic_exchange_explicit(&own, 1, TAKE) != 0) return;
    atomic_store_explicit(&start, from, SHOW);
    atomic_store_explicit(&end, to, SHOW);
    int seen = atomic_fetch_or_explicit(&summary, USED, S);
    if (!(seen & WAITER) || UNIT < from || to <= UNIT)
        for (int unit = from; unit < to; unit++) touch(unit);
    leave();
}
static void *newcomer(void *unused) {
    newcomer_with(T);
    return 0;
}
#endif

static void *waiter(void *unused) {
    int holds = 1;
    LOCK();
    int seen = atomic_fetch_or_explicit(&summary, WAITER, S);
    if (seen & USED) {
        int from = atomic_load_explicit(&start, READ);
        int to = atomic_load_explicit(&end, READ);
        if (from < UNIT + 1 && UNIT < to) {
#ifdef NO_MUTEX
            queued = 1;
#endif
            seen = atomic_fetch_or_explicit(&summary, WATCHED, WATCH);
            if (seen & USED) {
#ifndef NO_MUTEX
                queued = 1;
#endif
                waits = 1;
                holds = 0;
            } else {
                atomic_fetch_and_explicit(&summary, ~WATCHED, relaxed);
#ifdef RETRY
                holds = 0;
#endif
            }
        }
    }
    UNLOCK();
    if (waits) holds = atomic_load_explicit(&granted, acquire);
    if (holds) touch(UNIT);
    return 0;
}

int main(void) {
    pthread_t t[3];
    pthread_create(&t[0], 0, holder, 0);
    pthread_create(&t[1], 0, waiter, 0);
#ifdef T
    pthread_create(&t[2], 0, newcomer, 0);
    pthread_join(t[2], 0);
#endif
    pthread_join(t[0], 0);
    pthread_join(t[1], 0);
    assert(!waits || atomic_load_explicit(&granted, relaxed)); /* nobody sleeps for ever */
    return 0;
}
