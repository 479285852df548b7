/* A unit in its slot against ranges that take cells without a mutex. Never are a unit and a range
 * that conflict both held; the later follows the earlier, also where its cell was given to another.
 *
 * The ranges do as in cells.c, and look at the slots last. The unit does as in unit-range.c: slot, summary,
 * cells. Who finds somebody in the way takes itself back (in the lock it would wait).
 *
 *   W      unit, compare-exchange of the slot
 *   L      unit, load of the summary
 *   READ_START, READ_END   unit and range, loads of a cell
 *   LEAVE  unit, compare-exchange of the slot
 *   S      range, fetch_or of the summary
 *   B      range, load of the slot
 *   TAKE, SHOW_START, SHOW_END, AND, FREE   range, as in cells.c
 *
 *   -DX=2,3 -DY=3,4   the spans of the two ranges; the unit is 2
 *   -DSAME_CELL       Y wants the cell of X, and gives up if it is not free; else each has its own
 *   -DONE             there is only X
 *   -DUNIT_FENCE      the unit has a SeqCst fence between W and L, which are then Acquire
 *   -DRANGE_FENCE     the range has one between S and B, which are then AcqRel and Acquire
 *   -DSCAN_FENCE      the range has an Acquire fence after B, which can then be Relaxed with -DRANGE_FENCE
 *   -DWRITE_AFTER     the range shows its span after S: must fail
 *   -DCOUNT           as in cells.c
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define relaxed memory_order_relaxed
#define acquire memory_order_acquire
#define release memory_order_release
#define acq_rel memory_order_acq_rel
#define seq_cst memory_order_seq_cst

#ifdef UNIT_FENCE
#define UNIT_BARRIER() atomic_thread_fence(seq_cst)
#ifndef W
#define W acquire
#endif
#ifndef L
#define L acquire
#endif
#else
#define UNIT_BARRIER() (void)0
#endif
#ifdef RANGE_FENCE
#define RANGE_BARRIER() atomic_thread_fence(seq_cst)
#ifndef S
#define S acq_rel
#endif
#ifndef B
#define B acquire
#endif
#else
#define RANGE_BARRIER() (void)0
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
#ifndef B
#define B seq_cst
#endif
#ifndef LEAVE
#define LEAVE release
#endif
#ifndef TAKE
#define TAKE acquire
#endif
#ifndef SHOW_START
#define SHOW_START release
#endif
#ifndef SHOW_END
#define SHOW_END release
#endif
#ifndef READ_START
#define READ_START acquire
#endif
#ifndef READ_END
#define READ_END acquire
#endif
#ifndef AND
#define AND release
#endif
#ifndef FREE
#define FREE release
#endif

#ifndef X
#define X 2, 3
#endif
#ifndef Y
#define Y 3, 4
#endif
#ifdef SAME_CELL
enum { CELL_X = 0, CELL_Y = 0, CELLS = 1 };
#else
enum { CELL_X = 0, CELL_Y = 1, CELLS = 2 };
#endif
enum { UNIT = 2 };

static struct { atomic_int own, start, end; } cell[CELLS];
static atomic_int summary, slot;

enum { UNITS = 5 };
#ifdef COUNT
static atomic_int data[UNITS];
static int held[3][UNITS];
static void touch(int who, int unit) {
    int seen = atomic_load_explicit(&data[unit], relaxed);
    atomic_store_explicit(&data[unit], seen + 1, relaxed);
    held[who][unit]++;
}
#else
static int data[UNITS];
static void touch(int who, int unit) { data[unit]++; }
#endif

static int conflict(int seen, int start, int end) {
    int found = 0;
    for (int i = 0; i < CELLS; i++) {
        if (!(seen & 1 << i)) continue;
        int from = atomic_load_explicit(&cell[i].start, READ_START);
        int to = atomic_load_explicit(&cell[i].end, READ_END);
        found |= from < end && start < to;
    }
    return found;
}

static void show(int mine, int start, int end) {
    atomic_store_explicit(&cell[mine].start, start, SHOW_START);
    atomic_store_explicit(&cell[mine].end, end, SHOW_END);
}

static void range(int who, int mine, int start, int end) {
    if (atomic_exchange_explicit(&cell[mine].own, 1, TAKE) != 0) return;
#ifndef WRITE_AFTER
    show(mine, start, end);
#endif
    int seen = atomic_fetch_or_explicit(&summary, 1 << mine, S);
#ifdef WRITE_AFTER
    show(mine, start, end);
#endif
    RANGE_BARRIER();
    int holds = !conflict(seen & ~(1 << mine), start, end);
    if (start <= UNIT && UNIT < end && atomic_load_explicit(&slot, B) != 0) holds = 0;
#ifdef SCAN_FENCE
    atomic_thread_fence(acquire);
#endif
    if (holds)
        for (int unit = start; unit < end; unit++) touch(who, unit);
    atomic_fetch_and_explicit(&summary, ~(1 << mine), AND);
    atomic_store_explicit(&cell[mine].own, 0, FREE);
}

static void *x(void *unused) { range(0, CELL_X, X); return 0; }
static void *y(void *unused) { range(1, CELL_Y, Y); return 0; }

static void *unit(void *unused) {
    int word = 0;
    if (!atomic_compare_exchange_strong_explicit(&slot, &word, 1, W, relaxed)) return 0;
    UNIT_BARRIER();
    int seen = atomic_load_explicit(&summary, L);
    if (!conflict(seen, UNIT, UNIT + 1)) touch(2, UNIT);
    word = 1;
    atomic_compare_exchange_strong_explicit(&slot, &word, 0, LEAVE, relaxed);
    return 0;
}

int main(void) {
    pthread_t t[3];
    pthread_create(&t[0], 0, x, 0);
#ifndef ONE
    pthread_create(&t[1], 0, y, 0);
#endif
    pthread_create(&t[2], 0, unit, 0);
    pthread_join(t[0], 0);
#ifndef ONE
    pthread_join(t[1], 0);
#endif
    pthread_join(t[2], 0);
#ifdef COUNT
    for (int unit = 0; unit < UNITS; unit++)
        assert(atomic_load_explicit(&data[unit], relaxed) == held[0][unit] + held[1][unit] + held[2][unit]);
#endif
    return 0;
}
