/* SPDX-FileCopyrightText: The Pumphouse authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiler of a build with a profile. kbuild calls it in gcc's place.
 *
 * A source file whose object has a profile beside it (X.gcda beside X.o) is compiled with it. gcc says nothing when it
 * gives a profile up, so its dump of the profile pass is read, and what became of each object is written down:
 *
 *     used OBJECT FUNCTIONS WITHOUT      functions that have their counts, functions that gcc gave up
 *     ignored OBJECT 0 WITHOUT           gcc gave up the profile of every function
 *     quarantine OBJECT 0 0 REASON       gcc failed with the profile and not without: compiled without
 *
 * Environment:
 *     PUMPHOUSE_CC        the compiler itself
 *     PUMPHOUSE_CC_LOG    the file to which one line for each object with a profile is appended
 *     PUMPHOUSE_CC_FLAGS  more flags for objects that have a profile, separated by spaces
 *
 * X.pgo-flags beside an object holds more flags for that object alone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MORE 64 /* words that are added at most */

static const char *compiler;

static void die(const char *what, const char *name)
{
	fprintf(stderr, "pumphouse cc: %s: %s: %s\n", what, name, strerror(errno));
	exit(3);
}

/* "dir/X.o" with its suffix replaced; the caller owns it. */
static char *beside(const char *object, const char *suffix)
{
	char *path;

	if (asprintf(&path, "%.*s%s", (int)(strlen(object) - 2), object, suffix) < 0)
		die("out of memory", object);
	return path;
}

static int exists(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0;
}

static int add_words(char **argv, int count, int limit, char *words)
{
	char *word, *rest = NULL;

	for (word = strtok_r(words, " \n", &rest); word && count < limit; word = strtok_r(NULL, " \n", &rest))
		argv[count++] = word;
	return count;
}

static char *read_all(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!file)
		return strdup("");
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(file);
	return text;
}

/* Runs the compiler; its messages go to `messages` where that is named. Returns what waitpid gave. */
static int compile(char **argv, const char *messages)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		die("fork", compiler);
	if (child == 0) {
		if (messages) {
			int fd = open(messages, O_WRONLY | O_CREAT | O_TRUNC, 0666);

			if (fd < 0)
				die("open", messages);
			dup2(fd, 2);
		}
		execvp(compiler, argv);
		die("cannot be run", compiler);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid", compiler);
	return status;
}

/* The end of this process says the same as the compiler's. */
static void end_like(int status)
{
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
}

static void count_functions(const char *dump, long *with, long *without)
{
	FILE *file = fopen(dump, "r");
	char *line = NULL;
	size_t size = 0;

	*with = *without = 0;
	if (!file)
		return;
	while (getline(&line, &size, file) >= 0) {
		if (strstr(line, "Profile feedback for function is available"))
			++*with;
		else if (strstr(line, "Profile info is missing; giving up"))
			++*without;
	}
	free(line);
	fclose(file);
}

static void note(const char *outcome, const char *object, long with, long without, const char *reason)
{
	const char *log = getenv("PUMPHOUSE_CC_LOG");
	char *line;
	int fd, length;

	if (!log)
		return;
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
	length = asprintf(&line, "%s %s %ld %ld%s%.400s\n", outcome, object, with, without, *reason ? " " : "", reason);
	/* One write: lines of compilers that run at the same time do not mix (write(2), O_APPEND). */
	if (fd < 0 || length < 0 || write(fd, line, length) != length)
		die("write", log);
	close(fd);
	free(line);
}

/* The first line that tells of an error, without its newline. */
static char *first_error(char *messages)
{
	char *line, *rest = NULL;

	for (line = strtok_r(messages, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (strstr(line, "error") || strstr(line, "rror:"))
			return line;
	return "it told no error";
}

int main(int argc, char **argv)
{
	char **with_profile = calloc(argc + MORE + 1, sizeof(*with_profile));
	char *object = NULL, *profile, *dump, *messages, *flags, *said, *dump_flag;
	int is_compilation = 0, count, limit = argc + MORE, status, plain;
	long used, unused;

	compiler = getenv("PUMPHOUSE_CC");
	if (!compiler || !*compiler)
		compiler = "gcc";
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-c"))
			is_compilation = 1;
		else if (!strcmp(argv[i], "-o") && i + 1 < argc)
			object = argv[i + 1];
	}
	argv[0] = (char *)compiler;
	if (!is_compilation || !object || strlen(object) < 3 || strcmp(object + strlen(object) - 2, ".o") ||
	    !exists(profile = beside(object, ".gcda"))) {
		execvp(compiler, argv);
		die("cannot be run", compiler);
	}
	dump = beside(object, ".pgo-dump");
	messages = beside(object, ".pgo-said");
	for (count = 0; count < argc; count++)
		with_profile[count] = argv[count];
	with_profile[count++] = "-fprofile-use";
	with_profile[count++] = "-fprofile-correction";
	with_profile[count++] = "-Wno-missing-profile";
	with_profile[count++] = "-Wno-error=coverage-mismatch";
	if (asprintf(&dump_flag, "-fdump-ipa-profile=%s", dump) < 0)
		die("out of memory", object);
	with_profile[count++] = dump_flag;
	flags = getenv("PUMPHOUSE_CC_FLAGS");
	count = add_words(with_profile, count, limit, strdup(flags ? flags : ""));
	count = add_words(with_profile, count, limit, read_all(beside(object, ".pgo-flags")));
	status = compile(with_profile, messages);
	count_functions(dump, &used, &unused);
	unlink(dump);
	said = read_all(messages);
	unlink(messages);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		fputs(said, stderr);
		note(used ? "used" : unused ? "ignored" : "used", object, used, unused, "");
		return 0;
	}
	/* Killed from outside is no fault of the profile; nor is a file that fails without it as well. */
	if (WIFSIGNALED(status)) {
		fputs(said, stderr);
		end_like(status);
	}
	plain = compile(argv, NULL);
	if (WIFEXITED(plain) && WEXITSTATUS(plain) == 0)
		note("quarantine", object, 0, 0, first_error(said));
	end_like(plain);
}
