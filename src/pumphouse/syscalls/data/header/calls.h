/* SPDX-FileCopyrightText: The Pumphouse authors */
/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__x86_64__)
#define PUMPHOUSE_TABLE 0
#define PUMPHOUSE_NR(x86_64, generic) (x86_64)
#define PUMPHOUSE_MACHINE "x86_64"
#elif defined(__aarch64__)
#define PUMPHOUSE_TABLE 1
#define PUMPHOUSE_NR(x86_64, generic) (generic)
#define PUMPHOUSE_MACHINE "aarch64"
#else
#define PUMPHOUSE_TABLE 1
#define PUMPHOUSE_NR(x86_64, generic) (generic)
#define PUMPHOUSE_MACHINE "riscv64"
#endif

/* A system call, without the C library: the result, or the negative errno. */
static inline long pumphouse_syscall(long number, const unsigned long long *a)
{
#if defined(__x86_64__)
	long result;
	register unsigned long long r10 __asm__("r10") = a[3];
	register unsigned long long r8 __asm__("r8") = a[4];
	register unsigned long long r9 __asm__("r9") = a[5];
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register unsigned long long x0 __asm__("x0") = a[0];
	register unsigned long long x1 __asm__("x1") = a[1];
	register unsigned long long x2 __asm__("x2") = a[2];
	register unsigned long long x3 __asm__("x3") = a[3];
	register unsigned long long x4 __asm__("x4") = a[4];
	register unsigned long long x5 __asm__("x5") = a[5];
	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return (long)x0;
#else
	register long a7 __asm__("a7") = number;
	register unsigned long long a0 __asm__("a0") = a[0];
	register unsigned long long a1 __asm__("a1") = a[1];
	register unsigned long long a2 __asm__("a2") = a[2];
	register unsigned long long a3 __asm__("a3") = a[3];
	register unsigned long long a4 __asm__("a4") = a[4];
	register unsigned long long a5 __asm__("a5") = a[5];
	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
			 : "memory");
	return (long)a0;
#endif
}

static inline long pumphouse_do(long number, unsigned long long a0, unsigned long long a1, unsigned long long a2,
				unsigned long long a3, unsigned long long a4)
{
	unsigned long long a[6];
	a[0] = a0, a[1] = a1, a[2] = a2, a[3] = a3, a[4] = a4, a[5] = 0;
	return pumphouse_syscall(number, a);
}

static inline unsigned long long pumphouse_at(const void *pointer)
{
	return (unsigned long long)(__UINTPTR_TYPE__)pointer;
}

static inline void *pumphouse_map(unsigned long long bytes, int protection, int flags)
{
	unsigned long long a[6];
	long start;
	a[0] = 0, a[1] = bytes, a[2] = (unsigned long long)protection, a[3] = (unsigned long long)flags;
	a[4] = ~0ULL, a[5] = 0;
	start = pumphouse_syscall(PUMPHOUSE_NR(9, 222), a);
	return start < 0 && start > -4096 ? (void *)0 : (void *)(__UINTPTR_TYPE__)start;
}

static inline void pumphouse_zero(void *start, unsigned long long bytes)
{
	unsigned char *at = (unsigned char *)start;
	while (bytes--)
		*(volatile unsigned char *)at++ = 0;
}

static inline int pumphouse_same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}
