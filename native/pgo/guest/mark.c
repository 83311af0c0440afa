// SPDX-FileCopyrightText: The Pumphouse authors
// SPDX-License-Identifier: Apache-2.0
/*
 * Marks where a phase begins and ends, for the counting plugin (counts.c beside this folder).
 *
 *   mark N                  enter phase N, 0 to 254; 255 has the results written
 *   mark N PROGRAM [ARG]... run the program within phase N: between the marks there is one fork, one exec and its work.
 *                           Exits as the program does, with 127 where it cannot be run. With MARK_LOG=FILE in the
 *                           environment it appends "N STATUS NANOSECONDS" to that file.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define TEN(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9)
#define MARK(number) \
	case number: \
		__asm__ volatile(".byte 0x0f, 0x1f, 0x80, " #number ", 0x5a, 0x48, 0x50"); \
		break;
#define ROW(tens) \
	MARK(tens##0) MARK(tens##1) MARK(tens##2) MARK(tens##3) MARK(tens##4) MARK(tens##5) MARK(tens##6) \
	MARK(tens##7) MARK(tens##8) MARK(tens##9)

/* The number is part of the instruction: one instruction for each. */
static void mark(int number)
{
	switch (number) {
		TEN(MARK)
		ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7) ROW(8) ROW(9)
		ROW(10) ROW(11) ROW(12) ROW(13) ROW(14) ROW(15) ROW(16) ROW(17) ROW(18) ROW(19)
		ROW(20) ROW(21) ROW(22) ROW(23) ROW(24)
		MARK(250) MARK(251) MARK(252) MARK(253) MARK(254) MARK(255)
	}
}

static long long now_ns(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void log_phase(long number, int status, long long lasted_ns)
{
	const char *path = getenv("MARK_LOG");
	FILE *file = path ? fopen(path, "a") : NULL;

	if (file) {
		fprintf(file, "%ld %d %lld\n", number, status, lasted_ns);
		fclose(file);
	}
}

int main(int argc, char **argv)
{
	char *end = NULL;
	long number = argc > 1 ? strtol(argv[1], &end, 10) : -1;
	int status = 0, error;
	pid_t child;
	long long began_ns;

	if (number < 0 || number > 255 || *end) {
		fputs("usage: mark N [PROGRAM [ARGUMENT]...], N from 0 to 255\n", stderr);
		return 2;
	}
	if (argc == 2) {
		mark((int)number);
		return 0;
	}
	began_ns = now_ns();
	mark((int)number);
	error = posix_spawnp(&child, argv[2], NULL, NULL, argv + 2, environ);
	while (!error && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	mark(0);
	if (error)
		fprintf(stderr, "mark: %s: %s\n", argv[2], strerror(error));
	status = error ? 127 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	log_phase(number, status, now_ns() - began_ns);
	return status;
}
