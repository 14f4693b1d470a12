/* The status record of somebody hostile: reading it, and what svctl shows of it. The input is a
 * record; both as it is and with checksums that are right it is read, and what can be read is
 * packed again and printed. */
#include "fuzz.h"

#include "bytes.h"
#include "status.h"
#include "svctl/json.h"
#include "svctl/report.h"
#include "svctl/table.h"

/* cinit-ipc(7), "STATUS" */
static uint64_t checksum(unsigned char const *p, size_t len, uint64_t sum)
{
	for (; len; p += 8, len -= 8) {
		sum = (sum ^ get_be64(p)) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 29;
	}
	return sum;
}

static void seal(unsigned char *record)
{
	record[20] = STATUS_VERSION;
	uint64_t sum = checksum(record, 632, UINT64_C(0x63696e6974303031));
	put_be64(record + 632, sum);
	put_be64(record + 3200, checksum(record + 640, 2560, sum));
}

static char const *skip_string(char const *p, char const *end)
{
	for (p++; p < end && *p != '"'; p++) {
		EXPECT((unsigned char)*p >= 0x20);
		if (*p == '\\')
			EXPECT(++p < end && strchr("\"\\/bfnrtu", *p));
	}
	EXPECT(p < end);
	return p;
}

/* Brackets that match, strings that end and hold no control character. */
static void look_at_json(struct text const *t)
{
	char open[16];
	size_t depth = 0;
	char const *end = t->sa.s + t->sa.len;

	for (char const *p = t->sa.s; p < end; p++) {
		if (*p == '"') {
			p = skip_string(p, end);
		} else if (*p == '{' || *p == '[') {
			EXPECT(depth < sizeof open);
			open[depth++] = *p;
		} else if (*p == '}' || *p == ']') {
			EXPECT(depth-- && open[depth] == (*p == '}' ? '{' : '['));
		}
	}
	EXPECT(!depth);
}

/* Nothing that a terminal would obey */
static void look_at_lines(struct text const *t)
{
	for (size_t i = 0; i < t->sa.len; i++)
		EXPECT((unsigned char)t->sa.s[i] >= 0x20 || t->sa.s[i] == '\n');
	for (size_t i = 0; i < t->sa.len; i++)
		EXPECT(t->sa.s[i] != 0x7f);
}

static void show(struct status const *s)
{
	struct view v = { .seen = SEEN_RECORD, .supervised = s->change & 1, .status = *s };
	struct text t = TEXT_ZERO;
	struct table b = TABLE_ZERO;
	uint64_t now = s->started + (s->died & 0xffffff);

	json_service(&t, "web", &v, &v, now, 1700000000);
	look_at_json(&t);
	t.sa.len = 0;
	report_view(&t, "web", &v, now);
	report_kill(&t, "web", s, now);
	report_exit(&t, s);
	table_head(&b);
	table_service(&b, "web", &v, now);
	table_print(&b, &t, NULL, NULL);
	look_at_lines(&t);
	EXPECT(!t.failed);
	text_free(&t);
}

static void look_at(unsigned char const *record, size_t size)
{
	static struct status_ring r, r2;
	unsigned char again[STATUS_SIZE];
	struct status s, s2;

	if (status_unpack(record, size, &s, 0) == STATUS_OK)
		show(&s);
	if (status_unpack(record, size, &s, &r) != STATUS_OK)
		return;
	status_pack(again, &s, &r);
	EXPECT(status_unpack(again, sizeof again, &s2, &r2) == STATUS_OK);
	EXPECT(s.change == s2.change && s.deadline[0] == s2.deadline[0] && s.flags == s2.flags &&
		!strcmp(s.reason_text, s2.reason_text) && !memcmp(&r, &r2, sizeof r));
	status_acknowledge(&s, &r, 77, RESULT_DONE, WHY_NONE);
	EXPECT(status_answer(&r, 77) >= 0);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	unsigned char record[STATUS_SIZE] = { 0 };

	look_at(data, size);
	memcpy(record, data, size < sizeof record ? size : sizeof record);
	seal(record);
	look_at(record, sizeof record);
	return 0;
}
