#!/bin/sh
# The tests of boot.test, for who runs several programs at once.
exec "${0%/*}/run" -f boot
