/* SPDX-FileCopyrightText: The Pumphouse authors */
/* SPDX-License-Identifier: Apache-2.0 */
#ifdef PUMPHOUSE_PROBE_MAIN

/* The program: prints what `pumphouse syscalls probe --json` does. Arguments: names of calls; none: all. */

static char pumphouse_text[4096];
static unsigned long long pumphouse_used, pumphouse_stream = 1;

static inline void pumphouse_flush(void)
{
	unsigned long long done = 0;
	while (done < pumphouse_used) {
		long wrote = pumphouse_do(PUMPHOUSE_NR(1, 64), pumphouse_stream, pumphouse_at(pumphouse_text + done),
					  pumphouse_used - done, 0, 0);
		if (wrote <= 0)
			break;
		done += (unsigned long long)wrote;
	}
	pumphouse_used = 0;
}

static inline void pumphouse_say(const char *text)
{
	for (; *text; text++) {
		if (pumphouse_used == sizeof(pumphouse_text))
			pumphouse_flush();
		pumphouse_text[pumphouse_used++] = *text;
	}
}

static inline void pumphouse_say_number(unsigned long long value, unsigned int base)
{
	char digits[24];
	int at = 23;
	digits[at] = 0;
	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	pumphouse_say(base == 16 ? "0x" : "");
	pumphouse_say(digits + at);
}

static inline void pumphouse_say_answer(int answer)
{
	if (answer >= 0) {
		pumphouse_say("result");
	} else if (-answer < PUMPHOUSE_ERRNOS && pumphouse_errno_names[-answer]) {
		pumphouse_say(pumphouse_errno_names[-answer]);
	} else {
		pumphouse_say("errno ");
		pumphouse_say_number((unsigned long long)-answer, 10);
	}
}

static inline void pumphouse_say_bit(const struct pumphouse_word_plan *word, unsigned long long bit)
{
	int i;
	pumphouse_say("\"");
	for (i = 0; i < word->names; i++)
		if (pumphouse_names[word->name_ + i].bit == bit) {
			pumphouse_say(pumphouse_names[word->name_ + i].name);
			pumphouse_say("\"");
			return;
		}
	pumphouse_say_number(bit, 16);
	pumphouse_say("\"");
}

static inline void pumphouse_say_field(const char *name, unsigned long long mask)
{
	pumphouse_say(", \"");
	pumphouse_say(name);
	pumphouse_say("\": \"");
	pumphouse_say_number(mask, 16);
	pumphouse_say("\"");
}

static inline void pumphouse_say_word(const struct pumphouse_word_plan *plan, const struct pumphouse_word *word)
{
	static const char *const states[] = { "answered", "absent", "unknown" };
	unsigned long long mask = word->valid | word->with;
	const char *between = "";
	int i;
	pumphouse_say("{\"name\": \"");
	pumphouse_say(plan->name);
	pumphouse_say("\", \"state\": \"");
	pumphouse_say(states[word->state]);
	pumphouse_say("\", \"how\": \"");
	if (word->told == PUMPHOUSE_BY_CONTROLS) {
		pumphouse_say_answer(word->good);
		pumphouse_say(" against ");
		pumphouse_say_answer(word->bad);
	} else if (word->told == PUMPHOUSE_BY_KERNEL) {
		pumphouse_say(pumphouse_asks[plan->ask + word->source].source);
	} else {
		pumphouse_say(word->told == PUMPHOUSE_BY_SIZE  ? "the size"
			      : word->told == PUMPHOUSE_BY_END ? "the child ended"
							       : "no answer");
	}
	pumphouse_say("\", \"enumeration\": ");
	pumphouse_say(plan->values ? "true" : "false");
	pumphouse_say_field("mask", mask);
	pumphouse_say_field("valid", word->valid);
	pumphouse_say(", \"valid_with\": [");
	for (i = 0; i < 64; i++) {
		if (!(word->with >> i & 1))
			continue;
		pumphouse_say(between);
		pumphouse_say("{\"bit\": \"");
		pumphouse_say_number(1ULL << i, 16);
		pumphouse_say("\", \"needs\": ");
		if (word->companion[i] >= 128) {
			pumphouse_say("[");
			pumphouse_say_bit(plan, 1ULL << (word->companion[i] - 128));
			pumphouse_say("]");
		} else {
			pumphouse_say(pumphouse_withs[plan->with + word->companion[i] - 1].needs);
		}
		pumphouse_say("}");
		between = ", ";
	}
	pumphouse_say("]");
	pumphouse_say_field("undecided", word->undecided);
	pumphouse_say(", \"names\": [");
	between = "";
	for (i = 0; i < 64; i++) {
		if (!(mask >> i & 1))
			continue;
		pumphouse_say(between);
		pumphouse_say_bit(plan, 1ULL << i);
		between = ", ";
	}
	pumphouse_say("]}");
}

static inline void pumphouse_say_size(const struct pumphouse_plan *plan, const struct pumphouse_call *call)
{
	int i;
	pumphouse_say(", \"size\": ");
	pumphouse_say_number((unsigned long long)call->size, 10);
	pumphouse_say(", \"size_how\": \"");
	if (call->presence != PUMPHOUSE_PRESENT || plan->size_how == 0) {
		pumphouse_say("");
	} else if (call->size) {
		pumphouse_say(plan->size_how == 1   ? "fixed"
			      : plan->size_how == 2 ? "E2BIG beyond it"
						    : "written back with E2BIG");
	} else if (call->killed) {
		pumphouse_say("not decided: the child ended");
	} else {
		pumphouse_say("not decided: ");
		pumphouse_say_answer(call->size_low);
		if (plan->size_how == 2) {
			pumphouse_say(" at ");
			pumphouse_say_number(plan->first, 10);
			pumphouse_say(", ");
			pumphouse_say_answer(call->size_high);
			pumphouse_say(" at 4096");
		}
	}
	pumphouse_say("\", \"size_name\": \"");
	for (i = 0; i < plan->versions; i++)
		if (call->size && pumphouse_names[plan->version + i].bit == (unsigned long long)call->size)
			pumphouse_say(pumphouse_names[plan->version + i].name);
	pumphouse_say("\"");
}

static inline void pumphouse_say_call(const struct pumphouse_plan *plan, const struct pumphouse_call *call)
{
	static const char *const presences[] = { "present", "missing", "refused by seccomp", "refused by rights",
						 "not decided" };
	int i, present = call->presence == PUMPHOUSE_PRESENT, said = 0;
	pumphouse_say("{\"name\": \"");
	pumphouse_say(plan->name);
	pumphouse_say("\", \"presence\": \"");
	pumphouse_say(presences[call->presence]);
	pumphouse_say("\", \"how\": \"");
	if (call->killed && call->killed != 4)
		pumphouse_say(call->killed == 1 ? "killed" : call->killed == 2 ? "no answer" : "the child ended");
	else
		pumphouse_say_answer(call->how);
	pumphouse_say("\"");
	pumphouse_say_size(plan, call);
	pumphouse_say(",\n   \"words\": [");
	for (i = 0; i < plan->words && present; i++) {
		pumphouse_say(i ? ",\n    " : "\n    ");
		pumphouse_say_word(&pumphouse_words[plan->word + i], &call->word[i]);
	}
	pumphouse_say("],\n   \"facts\": [");
	for (i = 0; i < plan->facts && present; i++) {
		if (!call->told[i])
			continue;
		pumphouse_say(said ? ", {\"name\": \"" : "{\"name\": \"");
		pumphouse_say(pumphouse_facts[plan->fact + i].name);
		pumphouse_say("\", \"value\": ");
		pumphouse_say_number(call->fact[i], 10);
		pumphouse_say(", \"how\": \"");
		pumphouse_say(pumphouse_asks[pumphouse_facts[plan->fact + i].ask].source);
		pumphouse_say("\"}");
		said = 1;
	}
	pumphouse_say("]}");
}

static inline unsigned long long pumphouse_now_us(void)
{
	unsigned long long time[2] = { 0, 0 };
	pumphouse_do(PUMPHOUSE_NR(228, 113), 1, pumphouse_at(time), 0, 0, 0);
	return time[0] * 1000000 + time[1] / 1000;
}

int main(int argc, char **argv)
{
	static struct pumphouse_call calls[PUMPHOUSE_PLANS];
	unsigned char wanted[PUMPHOUSE_PLANS];
	unsigned long long started = pumphouse_now_us(), took;
	unsigned int numbers[2];
	char release[65];
	int i, j, known, result, said = 0;
	for (i = 0; i < PUMPHOUSE_PLANS; i++) {
		wanted[i] = argc < 2;
		for (j = 1; j < argc; j++)
			wanted[i] = (unsigned char)(wanted[i] | pumphouse_same(argv[j], pumphouse_plans[i].name));
	}
	for (j = 1; j < argc; j++) {
		for (known = 0, i = 0; i < PUMPHOUSE_PLANS; i++)
			known |= pumphouse_same(argv[j], pumphouse_plans[i].name);
		if (!known) {
			pumphouse_stream = 2;
			pumphouse_say("there is no recipe for ");
			pumphouse_say(argv[j]);
			pumphouse_say("\n");
			pumphouse_flush();
			return 2;
		}
	}
	result = pumphouse_probe_some(wanted, calls);
	if (result) {
		pumphouse_stream = 2;
		pumphouse_say("no child process can be made: ");
		pumphouse_say_answer(result);
		pumphouse_say("\n");
		pumphouse_flush();
		return 3;
	}
	took = pumphouse_now_us() - started;
	pumphouse_release(release, numbers);
	pumphouse_say("{\"release\": \"");
	pumphouse_say(release);
	pumphouse_say("\", \"machine\": \"" PUMPHOUSE_MACHINE "\", \"cached\": false, \"elapsed_ms\": ");
	pumphouse_say_number(took / 1000, 10);
	pumphouse_say(".");
	for (i = 100; i; i /= 10)
		pumphouse_say_number(took % 1000 / (unsigned int)i % 10, 10);
	pumphouse_say(",\n \"calls\": [");
	for (i = 0; i < PUMPHOUSE_PLANS; i++) {
		if (!wanted[i])
			continue;
		pumphouse_say(said ? ",\n  " : "\n  ");
		pumphouse_say_call(&pumphouse_plans[i], &calls[i]);
		said = 1;
	}
	pumphouse_say("]}\n");
	pumphouse_flush();
	return 0;
}

#endif /* PUMPHOUSE_PROBE_MAIN */
