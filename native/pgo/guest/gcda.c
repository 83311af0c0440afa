// SPDX-FileCopyrightText: The Pumphouse authors
// SPDX-License-Identifier: Apache-2.0
/*
 * Copies the counter files (.gcda) of an instrumented kernel out of debugfs, disturbing the counters little.
 *
 *   gcda FOLDER /TARGET      copy every .gcda below FOLDER to TARGET, under the same names; prints how many
 *
 * The kernel takes the copy of a file's counters when it is opened (kernel/gcov/fs.c), and gives 0 as its size. So all are
 * opened before the first is read: what reading, writing and packing execute is then in none of them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct counters {
	char *name; /* below the folder */
	int file;
} *found;

static size_t count, room, folder_length;

static void fail(const char *what)
{
	fprintf(stderr, "gcda: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int notice(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	size_t length = strlen(path);

	(void)status;
	(void)walk;
	if (kind != FTW_F || length < 5 || strcmp(path + length - 5, ".gcda"))
		return 0;
	if (count == room) {
		room = room ? 2 * room : 1024;
		if (!(found = realloc(found, room * sizeof(*found))))
			fail("memory");
	}
	if (!(found[count++].name = strdup(path + folder_length + 1)))
		fail("memory");
	return 0;
}

static void make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			fail(path);
		*slash = '/';
	}
}

static void copy(int from, char *path)
{
	static char buffer[1 << 16];
	ssize_t got;
	int to;

	make_parents(path);
	if ((to = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644)) < 0)
		fail(path);
	while ((got = read(from, buffer, sizeof(buffer))) > 0)
		for (ssize_t done = 0, wrote; done < got; done += wrote)
			if ((wrote = write(to, buffer + done, (size_t)(got - done))) < 0)
				fail(path);
	if (got < 0 || close(to))
		fail(path);
	close(from);
}

int main(int argc, char **argv)
{
	struct rlimit files = { 65536, 65536 };
	char path[PATH_MAX];

	if (argc != 3 || argv[2][0] != '/') {
		fputs("usage: gcda FOLDER /TARGET\n", stderr);
		return 2;
	}
	folder_length = strlen(argv[1]);
	setrlimit(RLIMIT_NOFILE, &files); /* where this is refused, opening tells whether the old limit was enough */
	if (nftw(argv[1], notice, 32, FTW_PHYS))
		fail(argv[1]);
	if (chdir(argv[1]))
		fail(argv[1]);
	for (size_t at = 0; at < count; at++)
		if ((found[at].file = open(found[at].name, O_RDONLY)) < 0)
			fail(found[at].name);
	for (size_t at = 0; at < count; at++) {
		if (snprintf(path, sizeof(path), "%s/%s", argv[2], found[at].name) >= (int)sizeof(path)) {
			errno = ENAMETOOLONG;
			fail(found[at].name);
		}
		copy(found[at].file, path);
	}
	printf("%zu\n", count);
	return count ? 0 : 1;
}
