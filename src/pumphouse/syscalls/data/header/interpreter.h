/* SPDX-FileCopyrightText: The Pumphouse authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of the trials, in one mapping. */
struct pumphouse_memory {
	unsigned char request[8192], out[4096], empty[4096];
	unsigned int ones[1024];
};

struct pumphouse_asking {
	const struct pumphouse_plan *plan;
	struct pumphouse_memory *memory;
	void *bad;
	unsigned long long kept;
	int size, dirty, filtered; /* dirty: the bytes of the request that may not be zero */
	unsigned int release[2];
};

static inline int pumphouse_in(int answer, int first, int count)
{
	int i, wanted = answer >= 0 ? 0 : -answer;
	for (i = 0; i < count; i++)
		if (pumphouse_errnos[first + i] == wanted)
			return 1;
	return 0;
}

static inline void pumphouse_assign(struct pumphouse_asking *asking, const struct pumphouse_set *one, int size,
				    unsigned long long *arguments)
{
	struct pumphouse_memory *memory = asking->memory;
	unsigned long long value = one->number;
	int i;
	switch (one->kind) {
	case 1: value = pumphouse_at(asking->bad); break;
	case 2: value = pumphouse_at(memory->request); break;
	case 3: value = pumphouse_at(memory->out); break;
	case 4: value = pumphouse_at(memory->empty); break;
	case 5: value = (unsigned long long)size; break;
	case 6: value = (unsigned long long)pumphouse_do(PUMPHOUSE_NR(39, 172), 0, 0, 0, 0, 0); break;
	case 7: value = asking->kept; break;
	case 8: value = pumphouse_at(memory->ones); break;
	default: break;
	}
	if (one->slot < 6)
		arguments[one->slot] = value;
	else
		for (i = 0; i < one->width; i++)
			memory->request[one->offset + i] = (unsigned char)(value >> 8 * i);
	if (one->slot >= 6 && asking->dirty < one->offset + one->width)
		asking->dirty = one->offset + one->width;
}

/* One trial: two or three runs of assignments, then the call. */
static inline int pumphouse_trial(struct pumphouse_asking *asking, long number, const unsigned short *runs, int count,
				  const struct pumphouse_set *last, int size, int tail)
{
	unsigned long long arguments[6];
	long answer;
	int i, j;
	pumphouse_zero(arguments, sizeof(arguments));
	pumphouse_zero(asking->memory->request, (unsigned long long)asking->dirty);
	asking->dirty = size;
	for (i = 0; i < count; i++)
		for (j = 0; j < runs[2 * i + 1]; j++)
			pumphouse_assign(asking, &pumphouse_sets[runs[2 * i] + j], size, arguments);
	if (last)
		pumphouse_assign(asking, last, size, arguments);
	if (tail)
		asking->memory->request[size - 1] = 1;
	answer = pumphouse_syscall(number, arguments);
	return answer > 0x7fffffff ? 0x7fffffff : (int)answer;
}

static inline unsigned long long pumphouse_read(struct pumphouse_asking *asking, int where, int offset, int width,
						int answer)
{
	const unsigned char *from = where == 1 ? asking->memory->request : asking->memory->out;
	unsigned long long value = 0;
	int i;
	if (where == 0)
		return (unsigned long long)answer;
	for (i = width - 1; i >= 0; i--)
		value = value << 8 | from[offset + i];
	return value;
}

/* An entry of the auxiliary vector: PR_GET_AUXV since Linux 6.4, else the file. */
static inline int pumphouse_auxiliary(unsigned long long entry, unsigned long long *value)
{
	static const char name[] = "/proc/self/auxv";
	unsigned long long vector[128];
	long bytes, fd;
	int i;
	pumphouse_zero(vector, sizeof(vector));
	bytes = pumphouse_do(PUMPHOUSE_NR(157, 167), 0x41555856, pumphouse_at(vector), sizeof(vector), 0, 0);
	if (bytes <= 0) {
		fd = pumphouse_do(PUMPHOUSE_NR(257, 56), ~99ULL, pumphouse_at(name), 0x80000, 0, 0);
		if (fd < 0)
			return 0;
		pumphouse_do(PUMPHOUSE_NR(0, 63), (unsigned long long)fd, pumphouse_at(vector), sizeof(vector), 0, 0);
		pumphouse_do(PUMPHOUSE_NR(3, 57), (unsigned long long)fd, 0, 0, 0, 0);
	}
	for (i = 0; i < 126 && vector[i]; i += 2)
		if (vector[i] == entry) {
			*value = vector[i + 1];
			return *value != 0;
		}
	return 0;
}

/* A question that the kernel answers itself; 0 where it does not understand it. */
static inline int pumphouse_ask_kernel(struct pumphouse_asking *asking, const struct pumphouse_ask *ask,
				       unsigned long long *value)
{
	unsigned short runs[2];
	int answer;
	if (ask->where == 3)
		return pumphouse_auxiliary(ask->offset, value);
	pumphouse_zero(asking->memory->out, sizeof(asking->memory->out));
	runs[0] = ask->set, runs[1] = ask->sets;
	answer = pumphouse_trial(asking, ask->number[PUMPHOUSE_TABLE], runs, 1, (const struct pumphouse_set *)0,
				 asking->size, 0);
	if (answer < 0)
		return 0;
	*value = pumphouse_read(asking, ask->where, ask->offset, ask->width, answer);
	return 1;
}

static inline int pumphouse_flag(struct pumphouse_asking *asking, const struct pumphouse_word_plan *word,
				 unsigned long long value, const struct pumphouse_with *with)
{
	const struct pumphouse_plan *plan = asking->plan;
	struct pumphouse_set last;
	unsigned short runs[6];
	int answer;
	runs[0] = plan->set, runs[1] = plan->sets, runs[2] = word->set, runs[3] = word->sets;
	runs[4] = with ? with->set : 0, runs[5] = with ? with->sets : 0;
	last.slot = word->slot, last.kind = 0, last.width = word->width, last.offset = word->offset;
	last.number = value;
	answer = pumphouse_trial(asking, plan->number[PUMPHOUSE_TABLE], runs, 3, &last, asking->size, 0);
	if (answer >= 0 && word->closes)
		pumphouse_do(PUMPHOUSE_NR(3, 57), (unsigned long long)answer, 0, 0, 0, 0);
	return answer;
}

static inline int pumphouse_accepts(const struct pumphouse_word_plan *word, int answer)
{
	return pumphouse_in(answer, word->accept, word->accepts);
}

static inline int pumphouse_refuses(const struct pumphouse_word_plan *word, int answer)
{
	return pumphouse_in(answer, word->refuse, word->refuses);
}

/* What a refused bit may be accepted with: see `companion`. */
static inline int pumphouse_find_companions(struct pumphouse_asking *asking, const struct pumphouse_word_plan *word,
					    unsigned long long bit, unsigned long long valid)
{
	int i;
	for (i = 0; i < word->withs; i++) {
		const struct pumphouse_with *with = &pumphouse_withs[word->with + i];
		if (with->bits & bit &&
		    pumphouse_accepts(word, pumphouse_flag(asking, word, bit | with->value, with)))
			return i + 1;
	}
	if (word->pairs)
		for (i = 0; i < word->bits; i++)
			if (valid >> i & 1 && pumphouse_accepts(word, pumphouse_flag(asking, word, word->base | bit | 1ULL << i,
										     (const struct pumphouse_with *)0)))
				return 128 + i;
	return 0;
}

static inline void pumphouse_sweep(struct pumphouse_asking *asking, const struct pumphouse_word_plan *word,
				   struct pumphouse_word *answer)
{
	unsigned long long refused = 0, bit;
	int i, told, companion;
	for (i = 0; i < (word->values ? word->values : word->bits); i++) {
		bit = 1ULL << i;
		if (word->skip & bit)
			continue;
		told = pumphouse_flag(asking, word,
				      word->values ? pumphouse_values[word->value + i] : word->base | bit,
				      (const struct pumphouse_with *)0);
		if (pumphouse_accepts(word, told))
			answer->valid |= bit;
		else if (pumphouse_refuses(word, told))
			refused |= bit;
		else
			answer->undecided |= bit;
	}
	for (i = 0; i < word->bits && !word->values; i++) {
		bit = 1ULL << i;
		if (!(refused & bit))
			continue;
		companion = pumphouse_find_companions(asking, word, bit, answer->valid);
		if (companion) {
			answer->with |= bit;
			answer->companion[i] = (unsigned char)companion;
		} else if (word->undecided & bit) {
			answer->undecided |= bit;
		}
	}
}

static inline void pumphouse_ask_word(struct pumphouse_asking *asking, const struct pumphouse_word_plan *word,
				      int size, struct pumphouse_word *answer)
{
	unsigned long long full = word->bits == 64 ? ~0ULL : (1ULL << word->bits) - 1, value = 0, base;
	int i;
	for (i = 0; i < word->asks; i++)
		if (pumphouse_ask_kernel(asking, &pumphouse_asks[word->ask + i], &value) && value) {
			answer->state = PUMPHOUSE_ANSWERED, answer->told = PUMPHOUSE_BY_KERNEL, answer->source = i;
			answer->valid = value & full;
			answer->undecided = pumphouse_asks[word->ask + i].partial ? ~value & full : 0;
			return;
		}
	if (!word->tries) {
		answer->state = PUMPHOUSE_UNKNOWN, answer->told = PUMPHOUSE_BY_NOTHING;
		return;
	}
	if (word->end > (size ? size : asking->plan->first)) {
		answer->state = size ? PUMPHOUSE_ABSENT : PUMPHOUSE_UNKNOWN, answer->told = PUMPHOUSE_BY_SIZE;
		return;
	}
	base = word->values ? 0 : word->base;
	answer->good = pumphouse_flag(asking, word, word->good | base, (const struct pumphouse_with *)0);
	answer->bad = pumphouse_flag(asking, word, word->bad | base, (const struct pumphouse_with *)0);
	answer->told = PUMPHOUSE_BY_CONTROLS;
	answer->state = PUMPHOUSE_UNKNOWN;
	if (pumphouse_accepts(word, answer->good) && pumphouse_refuses(word, answer->bad)) {
		answer->state = PUMPHOUSE_ANSWERED;
		pumphouse_sweep(asking, word, answer);
	}
}

static inline void pumphouse_find_size(struct pumphouse_asking *asking, struct pumphouse_call *call)
{
	const struct pumphouse_plan *plan = asking->plan;
	long number = plan->number[PUMPHOUSE_TABLE];
	unsigned short runs[4];
	int low = plan->first, high = 4096, middle;
	unsigned long long size;
	runs[0] = plan->set, runs[1] = plan->sets, runs[2] = plan->size_set, runs[3] = plan->size_sets;
	if (plan->size_how == 1)
		call->size = plan->known;
	if (plan->size_how == 2) {
		const struct pumphouse_set *none = (const struct pumphouse_set *)0;
		call->size_low = pumphouse_trial(asking, number, runs, 2, none, low, 1);
		call->size_high = pumphouse_trial(asking, number, runs, 2, none, high, 1);
		if (call->size_low == -7 || call->size_high != -7 ||
		    (call->size_low < 0 && pumphouse_in(call->size_low, plan->size_right, plan->size_rights)))
			return;
		while (high - low > plan->size_step) {
			middle = low + (high - low) / (2 * plan->size_step) * plan->size_step;
			if (pumphouse_trial(asking, number, runs, 2, none, middle, 1) == -7)
				high = middle;
			else
				low = middle;
		}
		call->size = low;
	}
	if (plan->size_how == 3) {
		call->size_low = pumphouse_trial(asking, number, runs, 2, (const struct pumphouse_set *)0, 4096, 1);
		size = pumphouse_read(asking, plan->size_where, plan->size_offset, plan->size_width, call->size_low);
		if (call->size_low == -7 && size >= plan->first && size < 4096)
			call->size = (int)size;
	}
}

static inline int pumphouse_judge(struct pumphouse_asking *asking, int answer)
{
	const struct pumphouse_plan *plan = asking->plan;
	unsigned int release = asking->release[0] << 8 | asking->release[1];
	if (answer == -38) {
		if (!asking->filtered)
			return PUMPHOUSE_MISSING;
		if (plan->optional || release < ((unsigned int)plan->since[0] << 8 | plan->since[1]))
			return PUMPHOUSE_UNDECIDED;
		return PUMPHOUSE_SECCOMP;
	}
	if (answer < 0 && pumphouse_in(answer, plan->right, plan->rights))
		return asking->filtered ? PUMPHOUSE_UNDECIDED : PUMPHOUSE_RIGHTS;
	if (answer == -1 || answer == -13)
		return asking->filtered ? PUMPHOUSE_SECCOMP : PUMPHOUSE_UNDECIDED;
	return PUMPHOUSE_PRESENT;
}

/* Everything that a plan asks of one call; carefully: only whether it is there. */
static inline void pumphouse_run(struct pumphouse_asking *asking, struct pumphouse_call *call, int careful)
{
	const struct pumphouse_plan *plan = asking->plan;
	unsigned int header[2] = { 0x20080522, 0 }, rights[6], lowered[6];
	unsigned short runs[4];
	int i, size, prepared = 0, low = 0;
	asking->kept = 0, asking->size = plan->known;
	runs[0] = plan->set, runs[1] = plan->sets, runs[2] = plan->presence, runs[3] = plan->presences;
	call->how = pumphouse_trial(asking, plan->number[PUMPHOUSE_TABLE], runs, 2, (const struct pumphouse_set *)0,
				    plan->known, 0);
	call->presence = (unsigned char)pumphouse_judge(asking, call->how);
	if (call->presence != PUMPHOUSE_PRESENT)
		return;
	if (careful) {
		call->killed = 4;
		for (i = 0; i < plan->words; i++)
			call->word[i].state = PUMPHOUSE_UNKNOWN, call->word[i].told = PUMPHOUSE_BY_END;
		return;
	}
	if (plan->unprivileged &&
	    pumphouse_do(PUMPHOUSE_NR(125, 90), pumphouse_at(header), pumphouse_at(rights), 0, 0, 0) == 0) {
		for (i = 0; i < 6; i++)
			lowered[i] = i % 3 ? rights[i] : 0;
		low = pumphouse_do(PUMPHOUSE_NR(126, 91), pumphouse_at(header), pumphouse_at(lowered), 0, 0, 0) == 0;
	}
	if (plan->prepares) {
		prepared = pumphouse_ask_kernel(asking, &pumphouse_asks[plan->prepare], &asking->kept);
		if (!prepared)
			asking->kept = 0x7ffffff0;
	}
	pumphouse_find_size(asking, call);
	size = call->size ? call->size : plan->first;
	asking->size = size < plan->known ? size : plan->known;
	for (i = 0; i < plan->words; i++)
		pumphouse_ask_word(asking, &pumphouse_words[plan->word + i], call->size, &call->word[i]);
	for (i = 0; i < plan->facts; i++)
		call->told[i] = (unsigned char)pumphouse_ask_kernel(
			asking, &pumphouse_asks[pumphouse_facts[plan->fact + i].ask], &call->fact[i]);
	if (prepared && plan->prepare_closes)
		pumphouse_do(PUMPHOUSE_NR(3, 57), asking->kept, 0, 0, 0, 0);
	if (low)
		pumphouse_do(PUMPHOUSE_NR(126, 91), pumphouse_at(header), pumphouse_at(rights), 0, 0, 0);
}
