/* A small file system under a directory of the test's tree, to be filled to the last byte and
 * inode. */
#ifndef TESTS_ROOM_H
#define TESTS_ROOM_H

/* Mounts it on tree_name(dir), for this process and its children. 0: not permitted here. */
int room_make(char const *dir, char const *options);

/* Writes to dir/filler until there is no room for a byte; and makes files until there is none for
 * another one. */
void room_fill(char const *dir);
void room_fill_up(char const *dir);

/* What room_fill took can be had again; what room_fill_up took, too. */
void room_empty(char const *dir);
void room_empty_up(char const *dir);

/* After the test, before tree_teardown. */
void room_remove(char const *dir);

#endif
