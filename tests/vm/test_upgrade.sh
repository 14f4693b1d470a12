#!/bin/sh
# The tests of upgrade.test, for who runs several programs at once.
exec "${0%/*}/run" -f upgrade
