/* Claims on ranges that take cells without a mutex. Of two that conflict the later one sees the
 * earlier; never are both held; the later follows the earlier, also where a third has its cell by then.
 *
 * A claim takes a cell by its own word, writes its span there, and publishes it by a read-modify-write of the
 * summary, which returns who was there before. It then reads the cells of those. If one is in the
 * way, it takes itself back (in the lock it would wait).
 *
 *   TAKE        swap of the cell's own word
 *   SHOW_START  stores of the span
 *   SHOW_END
 *   OR          fetch_or of the summary
 *   READ_START  loads of an earlier claim's span
 *   READ_END
 *   AND         fetch_and of the summary, when the claim leaves
 *   FREE        store of the cell's own word, after that
 *
 *   -DA=0,2 -DB=1,3 -DC=2,4   the spans of two or three claims (C only with -DTHREE)
 *   -DSAME_CELL     B wants the cell of A, and gives up if it is not free; else each has its own. C has
 *                   a cell to itself
 *   -DTWICE         A claims twice
 *   -DWHOLE         a cell is used once, so that a later claim must read the earlier one's exact span
 *   -DCOUNT         the data are atomic and counted, for models without data races
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#define relaxed memory_order_relaxed
#define acquire memory_order_acquire
#define release memory_order_release
#define acq_rel memory_order_acq_rel
#define seq_cst memory_order_seq_cst

#ifndef TAKE
#define TAKE acquire
#endif
#ifndef SHOW_START
#define SHOW_START release
#endif
#ifndef SHOW_END
#define SHOW_END release
#endif
#ifndef OR
#define OR acq_rel
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

#ifndef A
#define A 0, 2
#endif
#ifndef B
#define B 1, 3
#endif
#ifndef C
#define C 2, 4
#endif
#ifdef SAME_CELL
enum { CELL_A = 0, CELL_B = 0, CELL_C = 1, CELLS = 2 };
#else
enum { CELL_A = 0, CELL_B = 1, CELL_C = 2, CELLS = 3 };
#endif

static struct { atomic_int own, start, end; } cell[CELLS];
static atomic_int summary;

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

#ifdef WHOLE
static const int spans[3][2] = {{A}, {B}, {C}};
#endif

static void claim(int who, int mine, int start, int end) {
    if (atomic_exchange_explicit(&cell[mine].own, 1, TAKE) != 0) return;
    atomic_store_explicit(&cell[mine].start, start, SHOW_START);
    atomic_store_explicit(&cell[mine].end, end, SHOW_END);
    int seen = atomic_fetch_or_explicit(&summary, 1 << mine, OR);
    int conflict = 0;
    for (int i = 0; i < CELLS; i++) {
        if (i == mine || !(seen & 1 << i)) continue;
        int from = atomic_load_explicit(&cell[i].start, READ_START);
        int to = atomic_load_explicit(&cell[i].end, READ_END);
#ifdef WHOLE
        assert(from == spans[i][0] && to == spans[i][1]);
#endif
        conflict |= from < end && start < to;
    }
    if (!conflict)
        for (int unit = start; unit < end; unit++) touch(who, unit);
    atomic_fetch_and_explicit(&summary, ~(1 << mine), AND);
    atomic_store_explicit(&cell[mine].own, 0, FREE);
}

static void *a(void *unused) {
    claim(0, CELL_A, A);
#ifdef TWICE
    claim(0, CELL_A, A);
#endif
    return 0;
}
static void *b(void *unused) { claim(1, CELL_B, B); return 0; }
#ifdef THREE
static void *c(void *unused) { claim(2, CELL_C, C); return 0; }
#endif

int main(void) {
    pthread_t t[3];
    pthread_create(&t[0], 0, a, 0);
    pthread_create(&t[1], 0, b, 0);
#ifdef THREE
    pthread_create(&t[2], 0, c, 0);
    pthread_join(t[2], 0);
#endif
    pthread_join(t[0], 0);
    pthread_join(t[1], 0);
#ifdef COUNT
    for (int unit = 0; unit < UNITS; unit++)
        assert(atomic_load_explicit(&data[unit], relaxed) == held[0][unit] + held[1][unit] + held[2][unit]);
#endif
    return 0;
}
