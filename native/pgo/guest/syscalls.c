// SPDX-FileCopyrightText: The Pumphouse authors
// SPDX-License-Identifier: Apache-2.0
/*
 * A mix of system calls, each a fixed amount of work, so that what a kernel executes for it can be compared.
 *
 *   syscalls NAME [ROUNDS]   do one kind of work; exits with 1 where a call failed or did not do what it should
 *   syscalls list            names with their usual rounds
 *
 * Files go to the current folder: start it in a tmpfs.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A call that failed ends the program: a phase that did less work must not look like a faster one. */
#define CHECK(condition)                                                                              \
	do {                                                                                          \
		if (!(condition)) {                                                                   \
			fprintf(stderr, "syscalls: %s:%d: %s: %s\n", __FILE__, __LINE__, #condition,  \
				strerror(errno));                                                     \
			exit(1);                                                                      \
		}                                                                                     \
	} while (0)

enum { MESSAGE = 64, BLOCK = 4096, PIPE_BYTES = 512, POLLED = 64, AREA = 1 << 20 };

static char buffer[BLOCK];

static void do_getpid(long rounds)
{
	while (rounds--)
		CHECK(syscall(SYS_getpid) > 0);
}

static void do_pipe(long rounds)
{
	int ends[2];

	CHECK(!pipe(ends));
	while (rounds--) {
		CHECK(write(ends[1], buffer, PIPE_BYTES) == PIPE_BYTES);
		CHECK(read(ends[0], buffer, PIPE_BYTES) == PIPE_BYTES);
	}
}

static void make_file(const char *name, size_t size)
{
	int file = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	CHECK(file >= 0 && !ftruncate(file, (off_t)size) && !close(file));
}

static void do_open(long rounds)
{
	struct stat status;

	make_file("opened", 0);
	while (rounds--) {
		int file = open("opened", O_RDONLY);

		CHECK(file >= 0 && !fstat(file, &status) && !close(file));
	}
}

static void do_stat(long rounds)
{
	struct stat status;

	make_file("looked-at", 0);
	while (rounds--)
		CHECK(!stat("looked-at", &status));
}

static void do_mmap(long rounds)
{
	while (rounds--) {
		char *area = mmap(NULL, 16 * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		CHECK(area != MAP_FAILED);
		area[0] = 1;
		CHECK(!munmap(area, 16 * BLOCK));
	}
}

static void await_child(pid_t child)
{
	int status;

	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status));
}

static void do_fork(long rounds)
{
	while (rounds--) {
		pid_t child = fork();

		CHECK(child >= 0);
		if (!child)
			_exit(0);
		await_child(child);
	}
}

static void wait_until_readable(int epoll)
{
	struct epoll_event event;

	CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
}

static int watch(int socket)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(0);

	CHECK(epoll >= 0 && !epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event));
	return epoll;
}

/* Two processes answer each other, each sleeping in epoll_wait until the other has written. */
static void ping_pong(int ours, int theirs, long rounds)
{
	pid_t child = fork();
	int mine = child ? ours : theirs, epoll = watch(mine);

	CHECK(child >= 0);
	while (rounds--) {
		if (child)
			CHECK(write(mine, buffer, MESSAGE) == MESSAGE);
		wait_until_readable(epoll);
		CHECK(read(mine, buffer, MESSAGE) == MESSAGE);
		if (!child)
			CHECK(write(mine, buffer, MESSAGE) == MESSAGE);
	}
	if (!child)
		_exit(0);
	await_child(child);
}

static void do_unix(long rounds)
{
	int ends[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	ping_pong(ends[0], ends[1], rounds);
}

static struct sockaddr_in bind_loopback(int socket)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	CHECK(socket >= 0 && !bind(socket, (struct sockaddr *)&address, size));
	CHECK(!getsockname(socket, (struct sockaddr *)&address, &size));
	return address;
}

static void do_tcp(long rounds)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), ours = socket(AF_INET, SOCK_STREAM, 0), theirs, on = 1;
	struct sockaddr_in address = bind_loopback(listener);

	CHECK(!listen(listener, 1) && !connect(ours, (struct sockaddr *)&address, sizeof(address)));
	CHECK((theirs = accept(listener, NULL, NULL)) >= 0);
	CHECK(!setsockopt(ours, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
	CHECK(!setsockopt(theirs, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
	ping_pong(ours, theirs, rounds);
}

static void do_udp(long rounds)
{
	int receiver = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in address = bind_loopback(receiver);

	CHECK(sender >= 0);
	while (rounds--) {
		CHECK(sendto(sender, buffer, MESSAGE, 0, (struct sockaddr *)&address, sizeof(address)) == MESSAGE);
		CHECK(recv(receiver, buffer, MESSAGE, 0) == MESSAGE);
	}
}

static void do_write(long rounds)
{
	int file = open("written", O_CREAT | O_TRUNC | O_RDWR, 0600);

	CHECK(file >= 0);
	for (long round = 0; round < rounds; round++) {
		off_t at = round % 64 * BLOCK;

		CHECK(pwrite(file, buffer, BLOCK, at) == BLOCK);
		CHECK(pread(file, buffer, BLOCK, at) == BLOCK);
	}
}

static void do_readdir(long rounds)
{
	while (rounds--) {
		DIR *folder = opendir("/proc");
		long seen = 0;

		CHECK(folder);
		while (readdir(folder))
			seen++;
		CHECK(seen > 10 && !closedir(folder));
	}
}

static void do_create(long rounds)
{
	while (rounds--) {
		int file = open("created", O_CREAT | O_EXCL | O_WRONLY, 0600);

		CHECK(file >= 0 && !close(file) && !rename("created", "renamed") && !unlink("renamed"));
	}
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

static void do_signal(long rounds)
{
	struct sigaction action = { .sa_handler = count_signal };

	CHECK(!sigaction(SIGUSR1, &action, NULL));
	for (long round = 0; round < rounds; round++)
		CHECK(!kill(getpid(), SIGUSR1) && signals == round + 1);
}

static void do_poll(long rounds)
{
	struct pollfd polled[POLLED];
	int ends[2];

	for (int at = 0; at < POLLED; at++) {
		CHECK(!pipe(ends));
		polled[at] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	}
	CHECK(write(ends[1], buffer, 1) == 1);
	while (rounds--)
		CHECK(poll(polled, POLLED, 0) == 1);
}

static void do_fault(long rounds)
{
	while (rounds--) {
		char *area = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		CHECK(area != MAP_FAILED);
		madvise(area, AREA, MADV_NOHUGEPAGE); /* a kernel that has none of them refuses the advice */
		for (size_t at = 0; at < AREA; at += BLOCK)
			area[at] = 1;
		CHECK(!munmap(area, AREA));
	}
}

static const struct work {
	const char *name, *what;
	void (*perform)(long rounds);
	long rounds;
} works[] = {
	{ "getpid", "the shortest system call", do_getpid, 20000 },
	{ "pipe", "512 bytes through a pipe", do_pipe, 10000 },
	{ "open", "open, fstat, close", do_open, 8000 },
	{ "stat", "stat of a file by name", do_stat, 12000 },
	{ "mmap", "mmap, one page fault, munmap", do_mmap, 6000 },
	{ "fork", "fork, exit, wait", do_fork, 150 },
	{ "unix", "ping-pong over a socket pair, with epoll", do_unix, 3000 },
	{ "tcp", "ping-pong over loopback TCP, with epoll", do_tcp, 2500 },
	{ "write", "write and read 4 KiB of a file", do_write, 6000 },
	{ "udp", "a datagram over loopback", do_udp, 4000 },
	{ "readdir", "read the folder /proc", do_readdir, 60 },
	{ "create", "create, rename, unlink a file", do_create, 2500 },
	{ "signal", "a signal to itself, handled", do_signal, 5000 },
	{ "poll", "poll of 64 pipes", do_poll, 3000 },
	{ "fault", "page faults in a fresh megabyte", do_fault, 25 },
};

int main(int argc, char **argv)
{
	const size_t count = sizeof(works) / sizeof(works[0]);

	if (argc == 2 && !strcmp(argv[1], "list")) {
		for (size_t at = 0; at < count; at++)
			printf("%-8s %6ld  %s\n", works[at].name, works[at].rounds, works[at].what);
		return 0;
	}
	for (size_t at = 0; at < count && argc > 1; at++) {
		if (!strcmp(works[at].name, argv[1])) {
			long rounds = argc > 2 ? atol(argv[2]) : works[at].rounds;

			CHECK(rounds > 0);
			works[at].perform(rounds);
			return 0;
		}
	}
	fputs("usage: syscalls NAME [ROUNDS], or: syscalls list\n", stderr);
	return 2;
}
