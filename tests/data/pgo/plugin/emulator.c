// SPDX-FileCopyrightText: The Pumphouse authors
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for QEMU: loads a plugin and feeds it translation blocks, as lines on standard input tell.
 *
 *   tb NUMBER ADDRESS HOST HEX[,HEX]...   translate a block: address and host address in hexadecimal, instructions
 *   run NUMBER                            execute it
 *
 * usage: emulator PLUGIN [ARGUMENT]...
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*executed)(unsigned cpu, void *data);

struct insn {
	uint64_t address, host;
	size_t size;
	uint8_t byte[16];
	executed callback;
	void *data;
};

struct tb {
	size_t count;
	struct insn insn[64];
	executed callback;
	void *data;
};

struct info {
	const char *target_name;
	int min, cur;
	bool system_emulation;
	int smp_vcpus, max_vcpus;
};

static struct tb *tbs[4096];
static void (*translate)(uint64_t id, struct tb *tb);
static void (*at_exit)(uint64_t id, void *data);

size_t qemu_plugin_tb_n_insns(const struct tb *tb)
{
	return tb->count;
}

struct insn *qemu_plugin_tb_get_insn(struct tb *tb, size_t index)
{
	return &tb->insn[index];
}

uint64_t qemu_plugin_insn_vaddr(const struct insn *insn)
{
	return insn->address;
}

void *qemu_plugin_insn_haddr(const struct insn *insn)
{
	return (void *)(uintptr_t)insn->host;
}

size_t qemu_plugin_insn_size(const struct insn *insn)
{
	return insn->size;
}

const void *qemu_plugin_insn_data(const struct insn *insn)
{
	return insn->byte;
}

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*callback)(uint64_t id, struct tb *tb))
{
	(void)id;
	translate = callback;
}

void qemu_plugin_register_vcpu_tb_exec_cb(struct tb *tb, executed callback, int registers, void *data)
{
	(void)registers;
	tb->callback = callback;
	tb->data = data;
}

void qemu_plugin_register_vcpu_insn_exec_cb(struct insn *insn, executed callback, int registers, void *data)
{
	(void)registers;
	insn->callback = callback;
	insn->data = data;
}

void qemu_plugin_register_atexit_cb(uint64_t id, void (*callback)(uint64_t id, void *data), void *data)
{
	(void)id;
	(void)data;
	at_exit = callback;
}

void qemu_plugin_outs(const char *text)
{
	fputs(text, stderr);
}

static struct tb *read_tb(uint64_t address, uint64_t host, char *text)
{
	struct tb *tb = calloc(1, sizeof(*tb));

	for (char *word = strtok(text, ",\n"); word; word = strtok(NULL, ",\n")) {
		struct insn *insn = &tb->insn[tb->count++];

		insn->address = address;
		insn->host = host;
		for (; sscanf(word, "%2hhx", &insn->byte[insn->size]) == 1; word += 2)
			insn->size++;
		address += insn->size;
		host += host ? insn->size : 0;
	}
	return tb;
}

int main(int argc, char **argv)
{
	void *plugin = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
	struct info info = { "x86_64", 0, 1, true, 1, 1 };
	int (*install)(uint64_t, const struct info *, int, char **);
	static char line[8192], hex[8000];
	uint64_t address, host;
	unsigned number;

	if (!plugin || !(install = (int (*)(uint64_t, const struct info *, int, char **))dlsym(plugin, "qemu_plugin_install"))) {
		fprintf(stderr, "emulator: %s\n", dlerror());
		return 2;
	}
	if (install(1, &info, argc - 2, argv + 2))
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "tb %u %lx %lx %7999s", &number, &address, &host, hex) == 4) {
			tbs[number] = read_tb(address, host, hex);
			translate(1, tbs[number]);
		} else if (sscanf(line, "run %u", &number) == 1) {
			struct tb *tb = tbs[number];

			tb->callback(0, tb->data);
			for (size_t at = 0; at < tb->count; at++)
				if (tb->insn[at].callback)
					tb->insn[at].callback(0, tb->insn[at].data);
		}
	}
	at_exit(1, NULL);
	return 0;
}
