/* SPDX-FileCopyrightText: The Pumphouse authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the counter files beside it were made of: gcc 12 -O2 -fprofile-arcs -ftest-coverage calls.c -o calls; ./calls */

static int hot(int n)
{
	int sum = 0;

	for (int i = 0; i < n; i++) {
		if (i % 3 == 0)
			sum += i;
		else if (i % 7 == 1)
			sum -= i;
	}
	return sum;
}

int cold(int n)
{
	return n > 100 ? n * 2 : n;
}

int never(int n)
{
	switch (n) {
	case 1:
		return 4;
	case 2:
		return 9;
	default:
		return 0;
	}
}

int main(int argc, char **argv)
{
	long total = 0;
	int rounds = argc > 1 ? 10 * (argv[1][0] - '0') : 1000;

	for (int i = 0; i < rounds; i++)
		total += hot(i % 50) + cold(i);
	return argc > 2 ? never(argc) : total == 0;
}
