/* Bytes: integers in an explicit byte order. Inline, because a record of some 800
 * integers is written at every change of a service; by the compiler's own words for it, because one
 * that optimizes for size does not see through shifts. */
#ifndef CINIT_BYTES_H
#define CINIT_BYTES_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTES_BIG(bits, v)    __builtin_bswap##bits(v)
#define BYTES_LITTLE(bits, v) (v)
#else
#define BYTES_BIG(bits, v)    (v)
#define BYTES_LITTLE(bits, v) __builtin_bswap##bits(v)
#endif

#define BYTES(order, bits, ORDER)                                                                  \
	static inline void put_##order##bits(unsigned char *p, uint##bits##_t v)                   \
	{                                                                                          \
		v = ORDER(bits, v);                                                                \
		memcpy(p, &v, sizeof v);                                                           \
	}                                                                                          \
	static inline uint##bits##_t get_##order##bits(unsigned char const *p)                     \
	{                                                                                          \
		uint##bits##_t v;                                                                  \
		memcpy(&v, p, sizeof v);                                                           \
		return ORDER(bits, v);                                                             \
	}

/* put_be16(p, v), get_be16(p) and so on */
BYTES(be, 16, BYTES_BIG)
BYTES(be, 32, BYTES_BIG)
BYTES(be, 64, BYTES_BIG)
BYTES(le, 32, BYTES_LITTLE)

#endif
