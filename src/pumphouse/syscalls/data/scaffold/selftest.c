// SPDX-License-Identifier: GPL-2.0-only
/*
 * @NAME@(): how it treats sizes, tails, addresses, flags and reserved fields.
 *
 * Passes on a kernel that is older than this test (what it does not know is
 * refused with E2BIG) and on one that is newer.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest.h"

#ifdef __NR_@NAME@
# define NUMBER	__NR_@NAME@
#elif defined(__alpha__)
# define NUMBER	(@NUMBER@ + 110)
#else
# define NUMBER	@NUMBER@
#endif

#define PAGE	4096
#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

enum kind { FLAGS, RESERVED, VALUE };

/* The sizes that the struct has had, oldest first. */
static const size_t sizes[] = {
@SIZES@};

/*
 * Words by their place in the struct, with the bits that are valid, and the
 * size of the struct that has them. Of an argument the offset is -1 and the
 * last number its position.
 */
static const struct word {
	const char *name;
	int offset;
	int width;
	enum kind kind;
	uint64_t valid;
	size_t size;
} words[] = {
@WORDS@};

static uint64_t flags[6];

static int call(void *args, size_t usize)
{
	return syscall(@CALL@) < 0 ? errno : 0;
}

static void put(void *args, const struct word *word, uint64_t value)
{
	unsigned char *at = (unsigned char *)args + word->offset;

	if (word->offset < 0) {
		flags[word->size] = value;
		return;
	}
	switch (word->width) {
	case 1:
		*at = value;
		break;
	case 2:
		memcpy(at, &(uint16_t){ value }, 2);
		break;
	case 4:
		memcpy(at, &(uint32_t){ value }, 4);
		break;
	default:
		memcpy(at, &value, 8);
	}
}

static size_t first_size(void)
{
	return sizes[0];
}

static size_t last_size(void)
{
	return sizes[COUNT(sizes) - 1];
}

/*
 * How much of the struct the kernel knows: one byte more that is not zero is
 * refused with E2BIG, before anything that is in the struct is looked at.
 */
static size_t kernel_size(void)
{
	unsigned char args[PAGE];
	size_t size;

	for (size = first_size(); size < PAGE; size += 8) {
		memset(args, 0, sizeof(args));
		memset(args + size, 0xff, 8);
		if (call(args, size + 8) == E2BIG)
			return size;
	}
	return 0;
}

static void expect(int got, int wanted, const char *what, unsigned long number)
{
	if (got == wanted)
		ksft_test_result_pass("%s %lu\n", what, number);
	else
		ksft_test_result_fail("%s %lu: %s instead of %s\n", what,
				      number, strerror(got), strerror(wanted));
}

static void check_sizes(size_t known)
{
	unsigned char args[PAGE + 8] = { 0 };
	size_t i;

	expect(call(args, 0), EINVAL, "size", 0);
	expect(call(args, 1), EINVAL, "size", 1);
	expect(call(args, first_size() - 8), EINVAL, "size", first_size() - 8);
	expect(call(args, first_size() - 1), EINVAL, "size", first_size() - 1);
	for (i = 0; i < COUNT(sizes); i++)
		expect(call(args, sizes[i]), 0, "size", sizes[i]);
	expect(call(args, last_size() + 8), 0, "size with a tail of zeroes",
	       last_size() + 8);
	expect(call(args, known + 1), 0, "size with one zero more", known + 1);
	expect(call(args, PAGE), 0, "size with a tail of zeroes", PAGE);
	expect(call(args, PAGE + 1), E2BIG, "size of more than a page",
	       PAGE + 1);
	expect(call(args, (size_t)1 << (8 * sizeof(size_t) - 1)), E2BIG,
	       "size with its top bit", 0);

	args[known] = 1;
	expect(call(args, known + 8), E2BIG, "tail that is not zero at", known);
	args[known] = 0;
	args[known + 7] = 1;
	expect(call(args, known + 8), E2BIG, "tail that is not zero at",
	       known + 7);
	args[known + 7] = 0;
	args[PAGE - 1] = 1;
	expect(call(args, PAGE), E2BIG, "tail that is not zero at", PAGE - 1);
}

static void check_addresses(void)
{
	unsigned char buffer[PAGE + 16] = { 0 };
	size_t size = first_size();
	unsigned char *page;
	int bad = 0, i;

	for (i = 0; i < 16; i++)
		bad += call(buffer + i, size) != 0;
	expect(bad, 0, "any alignment, sizes refused:", 0);

	expect(call(NULL, size), EFAULT, "no struct", 0);
	page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || munmap(page + PAGE, PAGE))
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	expect(call(page + PAGE - size, size), 0, "struct at a page's end", 0);
	expect(call(page + PAGE - size + 1, size), EFAULT,
	       "struct that goes over it", 0);
	expect(call(page + PAGE - size, PAGE), EFAULT, "tail that does", 0);
}

static void check_order(void)
{
	unsigned char args[PAGE + 8];
	size_t i;

	memset(args, 0xff, sizeof(args));
	expect(call(args, PAGE + 1), E2BIG, "a size comes before the struct",
	       0);
	expect(call(args, first_size() - 1), EINVAL, "so does a short one", 0);
	for (i = 0; i < COUNT(words); i++) {
		if (words[i].offset >= 0)
			continue;
		put(NULL, &words[i], ~0ULL);
		expect(call(NULL, PAGE + 1), EINVAL,
		       "an argument's flags come before the size", i);
		put(NULL, &words[i], 0);
	}
}

static void check_word(const struct word *word, size_t known)
{
	bool argument = word->offset < 0;
	bool beyond = !argument && (size_t)word->offset >= known;
	size_t size = argument ? first_size() : word->size;
	unsigned char args[PAGE];
	int bit, bad = 0;

	for (bit = 0; bit < word->width * 8; bit++) {
		int wanted = 0;

		memset(args, 0, sizeof(args));
		put(args, word, 1ULL << bit);
		if (beyond)
			wanted = E2BIG;
		else if (word->kind != VALUE && !(word->valid >> bit & 1))
			wanted = EINVAL;
		if (call(args, size) != wanted) {
			ksft_print_msg("%s bit %d: %s\n", word->name, bit,
				       strerror(call(args, size)));
			bad++;
		}
		put(args, word, 0);
	}
	if (!beyond && word->kind == FLAGS) {
		memset(args, 0, sizeof(args));
		put(args, word, word->valid);
		bad += call(args, size) != 0;
		put(args, word, 0);
	}
	if (bad)
		ksft_test_result_fail("%s: %d bits\n", word->name, bad);
	else
		ksft_test_result_pass("%s: each bit%s\n", word->name,
				      beyond ? " is beyond this kernel" : "");
}

int main(void)
{
	unsigned char args[PAGE] = { 0 };
	size_t known, i;

	ksft_print_header();
	if (call(args, first_size()) == ENOSYS)
		ksft_exit_skip("this kernel has no @NAME@()\n");
	known = kernel_size();
	ksft_print_msg("the kernel knows %zu bytes, this test %zu\n", known,
		       last_size());

	check_sizes(known);
	check_addresses();
	check_order();
	for (i = 0; i < COUNT(words); i++)
		check_word(&words[i], known);

	ksft_set_plan(ksft_test_num());
	ksft_print_cnts();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
