/* SPDX-FileCopyrightText: The Pumphouse authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What child and parent share: the plan that is worked on, and the answers. */
struct pumphouse_shared {
	volatile int current; /* -1: the child is not ready yet; PUMPHOUSE_PLANS: it is done */
	volatile int answered; /* the last plan that was answered */
	struct pumphouse_call call[PUMPHOUSE_PLANS];
};

/*
 * In the child: signals end it, no core, room for descriptors in its own table, and no new privileges, which
 * landlock_restrict_self() asks for first.
 */
static inline void pumphouse_ready(void)
{
	unsigned long long nothing[20];
	unsigned int fd;
	pumphouse_zero(nothing, sizeof(nothing));
	pumphouse_do(PUMPHOUSE_NR(14, 135), 2, pumphouse_at(nothing), 0, 8, 0);
	pumphouse_do(PUMPHOUSE_NR(13, 134), 14, pumphouse_at(nothing), 0, 8, 0);
	pumphouse_do(PUMPHOUSE_NR(302, 261), 0, 4, pumphouse_at(nothing), 0, 0);
	for (fd = 3; fd < 64; fd++)
		pumphouse_do(PUMPHOUSE_NR(3, 57), fd, 0, 0, 0, 0);
	pumphouse_do(PUMPHOUSE_NR(157, 167), 38, 1, 0, 0, 0);
}

static inline void pumphouse_child(struct pumphouse_asking *asking, struct pumphouse_shared *shared,
				   const unsigned char *wanted, int from, int careful, int readies)
{
	unsigned long long timer[4] = { 0, 0, 2, 0 };
	int i;
	if (readies)
		pumphouse_ready();
	for (i = from; i < PUMPHOUSE_PLANS; i++) {
		if (!wanted[i])
			continue;
		if (readies) /* before the call counts: a filter may kill for this too */
			pumphouse_do(PUMPHOUSE_NR(38, 103), 0, pumphouse_at(timer), 0, 0, 0);
		shared->current = i;
		asking->plan = &pumphouse_plans[i];
		pumphouse_zero(&shared->call[i], sizeof(shared->call[i]));
		pumphouse_run(asking, &shared->call[i], i == careful);
		shared->answered = i;
	}
	shared->current = PUMPHOUSE_PLANS;
}

/* The running kernel's release, as two numbers. */
static inline void pumphouse_release(char *text, unsigned int *release)
{
	char names[6 * 65 + 2];
	int i, part = 0;
	pumphouse_zero(names, sizeof(names));
	pumphouse_do(PUMPHOUSE_NR(63, 160), pumphouse_at(names), 0, 0, 0, 0);
	for (i = 0; i < 65; i++)
		text[i] = names[130 + i];
	release[0] = release[1] = 0;
	for (i = 0; i < 65 && part < 2; i++) {
		if (text[i] >= '0' && text[i] <= '9')
			release[part] = release[part] * 10 + (unsigned int)(text[i] - '0');
		else
			part++;
	}
}

/*
 * Probes the plans i for which wanted[i] is not 0 and fills calls[i]. All trials are made in a child process, which a
 * seccomp filter may kill: the call that it died of is then told as refused, and another child goes on. The child
 * gives no signal to its parent and is waited for. Returns 0, or a negative errno where no child can be made.
 */
static inline int pumphouse_probe_some(const unsigned char *wanted, struct pumphouse_call *calls)
{
	const unsigned long long bytes = sizeof(struct pumphouse_shared) + sizeof(struct pumphouse_memory);
	struct pumphouse_shared *shared = (struct pumphouse_shared *)pumphouse_map(bytes, 3, 0x21);
	struct pumphouse_asking asking;
	char release[65];
	int i, from = 0, careful = -1, readies = 1, status, result = 0;
	long pid, ended;
	if (!shared)
		return -12;
	pumphouse_zero(&asking, sizeof(asking));
	asking.memory = (struct pumphouse_memory *)(void *)(shared + 1);
	asking.bad = pumphouse_map(65536, 0, 0x22);
	for (i = 0; i < 1024; i++)
		asking.memory->ones[i] = 1;
	pumphouse_release(release, asking.release);
	asking.filtered = pumphouse_do(PUMPHOUSE_NR(157, 167), 21, 0, 0, 0, 0) == 2;
	while (from < PUMPHOUSE_PLANS) {
		shared->current = shared->answered = -1;
		pid = pumphouse_do(PUMPHOUSE_NR(56, 220), 0, 0, 0, 0, 0);
		if (pid < 0) {
			result = (int)pid;
			break;
		}
		if (pid == 0) {
			pumphouse_child(&asking, shared, wanted, from, careful, readies);
			for (;;)
				pumphouse_do(PUMPHOUSE_NR(231, 94), 0, 0, 0, 0, 0);
		}
		do {
			status = 0;
			ended = pumphouse_do(PUMPHOUSE_NR(61, 260), (unsigned long long)pid, pumphouse_at(&status),
					     0x40000000, 0, 0);
		} while (ended == -4);
		if (shared->current < 0 && readies) {
			readies = 0; /* a filter may kill for the preparing calls themselves */
			continue;
		}
		if (shared->current >= PUMPHOUSE_PLANS)
			break;
		i = shared->current < 0 ? from : shared->current;
		if (i == shared->answered) { /* it ended between two calls */
			from = i + 1;
			continue;
		}
		if (i != careful) { /* once more, carefully */
			from = careful = i;
			continue;
		}
		pumphouse_zero(&shared->call[i], sizeof(shared->call[i]));
		status &= 0x7f;
		shared->call[i].killed = status == 31 || status == 9 ? 1 : status == 14 ? 2 : 3;
		shared->call[i].presence = status == 31 || status == 9 ? PUMPHOUSE_SECCOMP : PUMPHOUSE_UNDECIDED;
		from = i + 1;
	}
	for (i = 0; i < PUMPHOUSE_PLANS; i++)
		if (wanted[i])
			calls[i] = shared->call[i];
	pumphouse_do(PUMPHOUSE_NR(11, 215), pumphouse_at(asking.bad), 65536, 0, 0, 0);
	pumphouse_do(PUMPHOUSE_NR(11, 215), pumphouse_at(shared), bytes, 0, 0, 0);
	return result;
}

/* Probes one call. Returns 0, -2 (ENOENT) where there is no recipe of that name, or a negative errno. */
static inline int pumphouse_probe(const char *name, struct pumphouse_call *call)
{
	struct pumphouse_call calls[PUMPHOUSE_PLANS];
	unsigned char wanted[PUMPHOUSE_PLANS];
	int i, found = -1, result;
	for (i = 0; i < PUMPHOUSE_PLANS; i++) {
		wanted[i] = (unsigned char)pumphouse_same(pumphouse_plans[i].name, name);
		if (wanted[i])
			found = i;
	}
	if (found < 0)
		return -2;
	result = pumphouse_probe_some(wanted, calls);
	if (!result)
		*call = calls[found];
	return result;
}

/* The mask of a word ("open_how.resolve") in what pumphouse_probe() told of a call; 0 where it is not known. */
static inline unsigned long long pumphouse_mask(const char *name, const struct pumphouse_call *call, const char *word)
{
	int i, j;
	for (i = 0; i < PUMPHOUSE_PLANS; i++)
		for (j = 0; j < pumphouse_plans[i].words; j++)
			if (pumphouse_same(pumphouse_plans[i].name, name) &&
			    pumphouse_same(pumphouse_words[pumphouse_plans[i].word + j].name, word))
				return call->word[j].valid | call->word[j].with;
	return 0;
}
