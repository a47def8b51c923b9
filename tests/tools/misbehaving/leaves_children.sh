#!/bin/sh
# `child` leaves a child behind that keeps standard output open; `far` one
# that is in a session of its own, too.
while IFS= read -r line; do
  case $line in
    child) sleep 1000 & ;;
    far) setsid sleep 1000 & ;;
  esac
  printf '%s\n' "$line"
done
