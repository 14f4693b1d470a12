/* Numbers in order, for qsort. */
#ifndef BENCH_ORDER_H
#define BENCH_ORDER_H

static inline int number_order(void const *a, void const *b)
{
	double x = *(double const *)a, y = *(double const *)b;
	return (x > y) - (x < y);
}

#endif
