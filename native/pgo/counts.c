// SPDX-FileCopyrightText: The Pumphouse authors
// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QEMU TCG plugin that counts what an emulated x86-64 processor executes, per marked phase, kernel and user apart:
 * instructions, transfers of control that are not sequential, and misses in a model of an instruction cache.
 *
 *   -plugin libcounts.so,out=FILE[,heat=FILE]
 *
 * A phase is entered by the seven-byte nop 0f 1f 80 NN 5a 48 50, a number NN from 0 to 254: 0 is "between phases". NN=255
 * writes the results, which are also written when QEMU ends. Use one virtual CPU: there is one set of counters, no lock.
 *
 * What is counted is what QEMU executes as translation blocks (TB), which are straight-line pieces of code:
 *   instructions     the instructions of each TB that is entered. A TB that a fault leaves early counts whole, and what
 *                    follows the fault once more. Further rounds of a string instruction (rep movs) are one instruction.
 *   taken branches   entries of a TB that does not begin where the one before ended: jumps, calls, returns, system
 *                    calls, interrupts. The side on which it arrives is charged.
 *   L1i misses       a model: 32 KiB, 8 ways, lines of 64 bytes, true LRU, physical tags, no prefetch. Kernel and user
 *                    share it; who fetches is charged.
 *
 * heat=FILE: how often each piece of kernel code was entered within phases 1 to 254, as lines "ADDRESS BYTES INSTRUCTIONS
 * ENTRIES", sorted by address.
 *
 * The types and functions of the plugin API are declared here as its version 1 has them (QEMU 4.2 to 8.2), because
 * distributions do not package the header.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the plugin API, version 1 ---- */

typedef uint64_t plugin_id;
typedef struct plugin_tb plugin_tb;
typedef struct plugin_insn plugin_insn;

typedef struct {
	const char *target_name;
	struct {
		int min, cur;
	} version;
	bool system_emulation;
	struct {
		int smp_vcpus, max_vcpus;
	} system;
} plugin_info;

enum { NO_REGISTERS = 0 };

size_t qemu_plugin_tb_n_insns(const plugin_tb *tb);
plugin_insn *qemu_plugin_tb_get_insn(const plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const plugin_insn *insn);
void *qemu_plugin_insn_haddr(const plugin_insn *insn);
size_t qemu_plugin_insn_size(const plugin_insn *insn);
const void *qemu_plugin_insn_data(const plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*callback)(plugin_id id, plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(plugin_tb *tb, void (*callback)(unsigned cpu, void *data), int registers,
					  void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(plugin_insn *insn, void (*callback)(unsigned cpu, void *data),
					    int registers, void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*callback)(plugin_id id, void *data), void *data);
void qemu_plugin_outs(const char *text);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

/* ---- counters ---- */

enum { SETS = 64, WAYS = 8, LINE_SHIFT = 6, PAGE_SHIFT = 12, PHASES = 255, WRITE_NOW = 255 };

struct side {
	uint64_t instructions, taken_branches, l1i_misses, string_rounds;
};

static struct phase {
	uint64_t entries;
	struct side kernel, user;
} phases[PHASES];

static struct phase *phase = &phases[0];
static uint64_t cache[SETS][WAYS]; /* tags, the most recently used first; 0 is empty */
static uint64_t last_line;	   /* what was fetched last is certainly there */
static uint64_t previous_end;	   /* the address behind the TB executed last */
static uint64_t previous_rep;	   /* the address of a string instruction that ended it, or 0 */

static char *out_path, *heat_path;
static bool written;

/* ---- translation blocks ---- */

/* What is known of a TB. Kept for ever and found again, because QEMU translates the same code many times. */
struct block {
	uint64_t start, end, rep; /* rep: the address of its last instruction, if that is a string instruction */
	uint64_t entries;	  /* within phases */
	uint32_t instructions, lines;
	bool kernel, is_rep; /* is_rep: it is nothing but one string instruction */
	uint64_t line[];
};

static struct block **table;
static size_t table_size, table_used;

static size_t hash_block(const struct block *block)
{
	uint64_t hash = block->start * 0x9e3779b97f4a7c15u;

	hash ^= (hash >> 29) + block->instructions;
	hash = (hash ^ (block->lines ? block->line[0] : 0)) * 0xbf58476d1ce4e5b9u;
	return hash ^ hash >> 32;
}

static bool same_block(const struct block *a, const struct block *b)
{
	return a->start == b->start && a->end == b->end && a->rep == b->rep && a->instructions == b->instructions &&
	       a->lines == b->lines && !memcmp(a->line, b->line, a->lines * sizeof(a->line[0]));
}

static void *must(void *memory)
{
	if (!memory) {
		fputs("counts: out of memory\n", stderr);
		abort();
	}
	return memory;
}

static void place_block(struct block *block)
{
	size_t at = hash_block(block) & (table_size - 1);

	while (table[at])
		at = (at + 1) & (table_size - 1);
	table[at] = block;
}

static void grow_table(void)
{
	struct block **old = table;
	size_t old_size = table_size;

	table_size = old_size ? old_size * 2 : 1 << 16;
	table = must(calloc(table_size, sizeof(*table)));
	for (size_t at = 0; at < old_size; at++)
		if (old[at])
			place_block(old[at]);
	free(old);
}

/* The kept block that equals this one: itself, if it is new, or an older one, and this one is freed. */
static struct block *keep_block(struct block *block)
{
	if (2 * table_used >= table_size)
		grow_table();
	for (size_t at = hash_block(block) & (table_size - 1); table[at]; at = (at + 1) & (table_size - 1)) {
		if (same_block(table[at], block)) {
			free(block);
			return table[at];
		}
	}
	place_block(block);
	table_used++;
	return block;
}

/* Whether an instruction is a string instruction with a repeat prefix: prefixes, f3 or f2, perhaps REX, ins to scas. */
static bool repeats(const plugin_insn *insn)
{
	const uint8_t *byte = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn), at = 0;
	bool repeat = false;

	for (; at < size; at++) {
		uint8_t b = byte[at];

		if (b == 0xf2 || b == 0xf3)
			repeat = true;
		else if (b != 0x66 && b != 0x67 && b != 0x2e && b != 0x36 && b != 0x3e && b != 0x26 && b != 0x64 &&
			 b != 0x65)
			break;
	}
	if (at < size && (byte[at] & 0xf0) == 0x40)
		at++;
	if (!repeat || at >= size)
		return false;
	uint8_t code = byte[at];

	return (code >= 0x6c && code <= 0x6f) || (code >= 0xa4 && code <= 0xa7) || (code >= 0xaa && code <= 0xaf);
}

/* The cache line of an address: by where QEMU keeps the guest's memory, which stands for the physical address. */
static uint64_t line_of(uint64_t host, uint64_t address)
{
	bool agrees = host && !((host ^ address) & ((1 << PAGE_SHIFT) - 1));

	return (agrees ? host : address) >> LINE_SHIFT;
}

static void add_line(struct block *block, uint64_t line)
{
	if (!block->lines || block->line[block->lines - 1] != line)
		block->line[block->lines++] = line;
}

static void enter_phase(unsigned cpu, void *number);
static void execute_block(unsigned cpu, void *data);

static void translate(plugin_id id, plugin_tb *tb)
{
	static const uint8_t mark[] = { 0x0f, 0x1f, 0x80, 0, 0x5a, 0x48, 0x50 };
	size_t count = qemu_plugin_tb_n_insns(tb);
	struct block *block = must(calloc(1, sizeof(*block) + (2 * count + 1) * sizeof(block->line[0])));

	(void)id;
	block->instructions = count;
	for (size_t index = 0; index < count; index++) {
		plugin_insn *insn = qemu_plugin_tb_get_insn(tb, index);
		uint64_t address = qemu_plugin_insn_vaddr(insn), host = (uintptr_t)qemu_plugin_insn_haddr(insn);
		size_t size = qemu_plugin_insn_size(insn);
		const uint8_t *byte = qemu_plugin_insn_data(insn);

		if (index == 0)
			block->start = address;
		block->end = address + size;
		block->rep = repeats(insn) ? address : 0;
		add_line(block, line_of(host, address));
		/* The end of one that crosses into another page belongs to a line that the next instruction fetches. */
		if (size > 1 && (address >> PAGE_SHIFT) == (address + size - 1) >> PAGE_SHIFT)
			add_line(block, line_of(host ? host + size - 1 : 0, address + size - 1));
		if (size == sizeof(mark) && !memcmp(byte, mark, 3) && !memcmp(byte + 4, mark + 4, 3))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, enter_phase, NO_REGISTERS,
							       (void *)(uintptr_t)byte[3]);
	}
	block->kernel = block->start >> 63;
	block->is_rep = count == 1 && block->rep;
	block = keep_block(block);
	qemu_plugin_register_vcpu_tb_exec_cb(tb, execute_block, NO_REGISTERS, block);
}

/* ---- execution ---- */

/* Look a line up and make it the most recently used of its set; true if it was missing. */
static bool fetch(uint64_t line)
{
	uint64_t *set = cache[line % SETS];
	size_t way = 0;

	if (line == last_line)
		return false;
	last_line = line;
	while (way < WAYS - 1 && set[way] != line)
		way++;
	bool missing = set[way] != line;

	memmove(set + 1, set, way * sizeof(*set));
	set[0] = line;
	return missing;
}

static void execute_block(unsigned cpu, void *data)
{
	struct block *block = data;
	struct side *side = block->kernel ? &phase->kernel : &phase->user;

	(void)cpu;
	if (block->is_rep && block->start == previous_rep) { /* the next round of the same instruction */
		side->string_rounds++;
		previous_end = block->end;
		return;
	}
	side->instructions += block->instructions;
	side->taken_branches += block->start != previous_end;
	previous_end = block->end;
	previous_rep = block->rep;
	for (uint32_t at = 0; at < block->lines; at++)
		side->l1i_misses += fetch(block->line[at]);
	block->entries += phase != &phases[0];
}

/* ---- results ---- */

static void write_side(FILE *file, const char *name, const struct side *side)
{
	fprintf(file,
		"\"%s\": {\"instructions\": %" PRIu64 ", \"taken_branches\": %" PRIu64 ", \"l1i_misses\": %" PRIu64
		", \"string_rounds\": %" PRIu64 "}",
		name, side->instructions, side->taken_branches, side->l1i_misses, side->string_rounds);
}

static void write_counts(FILE *file)
{
	const char *separator = "";

	fputs("{\"version\": 1,\n \"l1i_model\": \"32 KiB, 8 ways, 64-byte lines, LRU, physical tags, no prefetch\",\n"
	      " \"phases\": [",
	      file);
	for (int number = 0; number < PHASES; number++) {
		if (number && !phases[number].entries)
			continue;
		fprintf(file, "%s\n  {\"number\": %d, \"entries\": %" PRIu64 ", ", separator, number,
			phases[number].entries);
		write_side(file, "kernel", &phases[number].kernel);
		fputs(", ", file);
		write_side(file, "user", &phases[number].user);
		fputs("}", file);
		separator = ",";
	}
	fputs("\n ]}\n", file);
}

static int compare_blocks(const void *a, const void *b)
{
	const struct block *x = *(struct block *const *)a, *y = *(struct block *const *)b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

static void write_heat(FILE *file)
{
	struct block **hot = must(malloc((table_used + 1) * sizeof(*hot)));
	size_t count = 0;

	for (size_t at = 0; at < table_size; at++)
		if (table[at] && table[at]->kernel && table[at]->entries)
			hot[count++] = table[at];
	qsort(hot, count, sizeof(*hot), compare_blocks);
	for (size_t at = 0; at < count; at++)
		fprintf(file, "%016" PRIx64 " %" PRIu64 " %" PRIu32 " %" PRIu64 "\n", hot[at]->start,
			hot[at]->end - hot[at]->start, hot[at]->instructions, hot[at]->entries);
	free(hot);
}

/* Written under another name and moved: a file that is there is complete. */
static void write_file(const char *path, void (*write)(FILE *file))
{
	char *unfinished = must(malloc(strlen(path) + sizeof(".unfinished")));
	FILE *file = NULL;

	strcat(strcpy(unfinished, path), ".unfinished");
	if ((file = fopen(unfinished, "w")))
		write(file);
	if (!file || ferror(file) || fclose(file) || rename(unfinished, path))
		perror(path);
	free(unfinished);
}

static void write_results(void)
{
	if (written)
		return;
	written = true;
	if (heat_path)
		write_file(heat_path, write_heat);
	write_file(out_path, write_counts);
}

static void enter_phase(unsigned cpu, void *number)
{
	uintptr_t wanted = (uintptr_t)number;

	(void)cpu;
	if (wanted == WRITE_NOW) {
		write_results();
		return;
	}
	phase = &phases[wanted];
	phase->entries++;
}

static void at_exit(plugin_id id, void *data)
{
	(void)id;
	(void)data;
	write_results();
}

EXPORT int qemu_plugin_install(plugin_id id, const plugin_info *info, int argc, char **argv)
{
	for (int at = 0; at < argc; at++) {
		if (!strncmp(argv[at], "out=", 4))
			out_path = strdup(argv[at] + 4);
		else if (!strncmp(argv[at], "heat=", 5))
			heat_path = strdup(argv[at] + 5);
		else {
			fprintf(stderr, "counts: the option %s is not known: out=FILE, heat=FILE\n", argv[at]);
			return -1;
		}
	}
	if (!out_path) {
		fputs("counts: out=FILE is missing\n", stderr);
		return -1;
	}
	if (!info->system_emulation || strcmp(info->target_name, "x86_64") || info->system.smp_vcpus != 1) {
		fputs("counts: this counts one virtual CPU of qemu-system-x86_64\n", stderr);
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
