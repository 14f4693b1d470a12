/* The frame decoder: bytes as they come from `in`. What it takes for a frame is one that the
 * encoder makes, and what it takes for a letter was one. */
#include "fuzz.h"

#include "frame.h"

static void look_at_frame(struct message const *m)
{
	char bytes[FRAME_MAX];
	struct frame_decoder d = { 0 };
	struct message again;
	size_t len = frame_encode(bytes, m);

	EXPECT(strlen(m->text) == m->text_len);
	for (size_t i = 0; i < len; i++)
		EXPECT(frame_decode(&d, (unsigned char)bytes[i], &again) == (i == len - 1));
	EXPECT(!memcmp(&again, m, sizeof again));
	EXPECT(!d.have && !d.noise && !d.foreign);
}

/* Is the fuzzer able to find anything at all? The runner looks for this one. */
static void planted(struct message const *m)
{
	char *four;
	if (!getenv("CINIT_FUZZ_PLANTED") || m->text_len < 2 || m->text[0] != 'x')
		return;
	four = malloc(4);
	EXPECT(four);
	four[m->text_len + 2] = 1;
	free(four);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct frame_decoder d = { 0 };
	struct message m;
	size_t letters = 0, in_frames = 0;

	for (size_t i = 0; i < size; i++) {
		if (!frame_decode(&d, data[i], &m))
			continue;
		if (m.id) {
			EXPECT(data[i] >= 0x80);
			look_at_frame(&m);
			planted(&m);
			in_frames += FRAME_FIXED;
		} else {
			EXPECT(data[i] < 0x80 && data[i] != 1 && m.command == data[i]);
			EXPECT(!m.text_len && !m.text[0] && !m.argument && !m.flags);
			letters++;
		}
	}
	/* a frame is longer than what it holds */
	EXPECT(letters + in_frames + d.noise + d.have <= size);
	return 0;
}
