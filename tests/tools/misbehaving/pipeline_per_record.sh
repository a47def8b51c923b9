#!/bin/sh
# A pipeline of children for each record.
while IFS= read -r line; do
  printf '%s\n' "$line" | cat | tr a-z A-Z
done
