#!/bin/sh
# The tests of end.test, for who runs several programs at once.
exec "${0%/*}/run" -f end
