/* SPDX-FileCopyrightText: The Pumphouse authors */
/* SPDX-License-Identifier: Apache-2.0 */
#if !defined(__linux__) || !(defined(__x86_64__) || defined(__aarch64__) || (defined(__riscv) && __riscv_xlen == 64))
#error "pumphouse_probe.h knows the system calls of 64-bit Linux on x86-64, arm64 and riscv64"
#endif

enum pumphouse_presence {
	PUMPHOUSE_PRESENT,
	PUMPHOUSE_MISSING,
	PUMPHOUSE_SECCOMP,
	PUMPHOUSE_RIGHTS,
	PUMPHOUSE_UNDECIDED
};

enum pumphouse_state { PUMPHOUSE_ANSWERED, PUMPHOUSE_ABSENT, PUMPHOUSE_UNKNOWN };

/* How a word was told: by the answers to its controls, by the kernel's own answer, by the size, not at all, by the child's end. */
enum pumphouse_told { PUMPHOUSE_BY_CONTROLS, PUMPHOUSE_BY_KERNEL, PUMPHOUSE_BY_SIZE, PUMPHOUSE_BY_NOTHING, PUMPHOUSE_BY_END };

/* One flag word: a bit of no mask was refused in every way that the recipe knows. */
struct pumphouse_word {
	unsigned long long valid;     /* accepted alone */
	unsigned long long with;      /* accepted together with others */
	unsigned long long undecided;
	int good, bad;                /* the answers to the controls: negative errnos, or results */
	int source;                   /* which of the word's questions the kernel answered */
	unsigned char state, told;
	unsigned char companion[64];  /* of each bit in `with`: 1 + entry of the recipe, or 128 + another bit */
};

/* One call. */
struct pumphouse_call {
	unsigned char presence;
	unsigned char killed;         /* 1: the child was killed; 2: it did not come back; 3: it ended otherwise; 4: after the presence */
	unsigned char told[PUMPHOUSE_FACTS];
	int how;                      /* the answer that told the presence */
	int size;                     /* of the struct; 0: not known */
	int size_low, size_high;      /* where it is not known: the answers at the first and the largest size */
	unsigned long long fact[PUMPHOUSE_FACTS];
	struct pumphouse_word word[PUMPHOUSE_WORDS];
};

/* From here on the tables and their interpreter: nothing that a caller needs. */

struct pumphouse_set {
	unsigned char slot, kind, width;
	unsigned short offset;
	unsigned long long number;
};

struct pumphouse_ask {
	const char *source;
	unsigned char where, width, partial;
	unsigned short offset;
	unsigned short number[2];
	unsigned short set, sets;
};

struct pumphouse_with {
	unsigned long long bits, value;
	unsigned short set, sets;
	const char *needs; /* as JSON */
};

struct pumphouse_name {
	unsigned long long bit;
	const char *name;
};

struct pumphouse_word_plan {
	const char *name;
	unsigned char tries, slot, width, bits, closes, pairs;
	unsigned short offset, end;
	unsigned long long base, good, bad, skip, undecided;
	unsigned short set, sets, accept, accepts, refuse, refuses, with, withs, value, values, ask, asks, name_, names;
};

struct pumphouse_fact_plan {
	const char *name;
	unsigned short ask;
};

struct pumphouse_plan {
	const char *name;
	unsigned short number[2];
	unsigned char since[2];
	unsigned char optional, unprivileged, prepares, prepare_closes, size_how, size_where, size_width;
	unsigned short first, known, size_step, size_offset;
	unsigned short set, sets, presence, presences, right, rights, size_set, size_sets, size_right, size_rights;
	unsigned short prepare, word, words, fact, facts, version, versions;
};
